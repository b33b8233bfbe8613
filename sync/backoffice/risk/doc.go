// Package risk estimates how likely the promise in force of an open order will be
// missed (DOMAIN §6, late-risk), from the store's own history, and says how far its
// estimates can be trusted. It is pure: facts of visits, a calendar and the present
// time go in.
//
// The estimate is one that can be told in a sentence. An order at work has an
// expected time to its inspection,
//
//	expected = remaining standard time + its share of the queue (while it waits for a bay)
//	         + what orders of its category in its stage have usually needed on top
//
// and a slack, the time to the promise; both in opening time, since nothing moves
// at night. Of the past orders in that stage, how many exceeded their expected time
// by as much as this one may? The errors are compared in units of the order's
// size. That share, put right by how often promises were really missed where it
// said so (advisers know things that the model does not), is the probability
// ([Model.Assess]). The main reason is the stage: waiting for parts, for the
// customer's consent, for a bay or an inspector, or behind the standard time.
//
// A past order is looked at every quarter of an hour of opening time between signing and
// pass, or promise if that came first, with the promise that bound then, as it
// would have been asked about. Late is as in 准时交车率: the pass not strictly
// before the promise at whole minutes. Orders without a pass count as late once
// delivered or long overdue.
//
// [Calibrate] trains on the older part of history and asks about the newer one:
// reliability by decile, and the Brier score beside that of always guessing the
// share that was late there. Below [MinOrders] orders there is no estimate
// ([ErrHistory]): a board then goes by its own rule.
package risk
