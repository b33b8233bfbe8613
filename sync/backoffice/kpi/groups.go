package kpi

import (
	"slices"
	"strings"
)

// gathering is the parts that visits have of a period. What all groups need of
// them is found once: above all the order of what is sorted in each of them.
type gathering struct {
	scope
	parts      []part
	order      [lists][]int // of the parts that have a length, the shortest first
	vehicles   []int        // those of the parts with a vehicle, by vehicle
	categories places
	stages     places
	advisers   places
	bays       *busy // nil where groups differ in it
}

// places are keys as they came: what is counted under one is counted by its place.
type places struct {
	keys   []string
	sorted []int // their places
}

func (p *places) place(key string) int {
	i := slices.Index(p.keys, key)
	if i < 0 {
		i, p.keys = len(p.keys), append(p.keys, key)
	}
	return i
}

func (p *places) sort() {
	p.sorted = make([]int, len(p.keys))
	for i := range p.sorted {
		p.sorted[i] = i
	}
	slices.SortFunc(p.sorted, func(a, b int) int { return strings.Compare(p.keys[a], p.keys[b]) })
}

// gather finds the parts of facts in the period. s.by is no matter.
func (s scope) gather(facts []*Fact) *gathering {
	g := &gathering{scope: s, parts: make([]part, 0, len(facts))}
	for _, f := range facts {
		if f.touches(s.from, s.to) {
			g.parts = append(g.parts, s.part(f))
			g.place(&g.parts[len(g.parts)-1])
		}
	}
	g.sort()
	working, both := make([]*part, 0, len(g.parts)), false
	for i := range g.parts {
		if p := &g.parts[i]; len(p.work) > 0 {
			working, both = append(working, p), both || len(p.Attendance) > 0
		}
	}
	if !both {
		g.bays = busyIn(working)
	}
	return g
}

// place finds the places of what is counted of a part.
func (g *gathering) place(p *part) {
	if p.Uncertain {
		return
	}
	all := p.Categories()
	p.categories = slices.Grow(p.categories, len(all))
	for _, c := range all {
		p.categories = append(p.categories, g.categories.place(string(c)))
	}
	if p.staged {
		p.stages = make([]int, 0, len(p.Stages))
		for _, st := range p.Stages {
			p.stages = append(p.stages, g.stages.place(string(st.Stage)))
		}
	}
	if p.signed {
		p.adviser = g.advisers.place(p.Adviser)
	}
}

// sort finds the orders of parts.
func (g *gathering) sort() {
	g.categories.sort()
	g.stages.sort()
	g.advisers.sort()
	keys := make([]int64, 0, len(g.parts))
	for list := range g.order {
		keys = keys[:0]
		for i := range g.parts {
			if minutes := g.parts[i].lengths[list]; minutes != none {
				keys = append(keys, minutes<<32|int64(i)) // instants lie within 2^28 minutes of each other
			}
		}
		slices.Sort(keys)
		g.order[list] = make([]int, len(keys))
		for i, key := range keys {
			g.order[list][i] = int(uint32(key))
		}
	}
	for i := range g.parts {
		if g.parts[i].vehicle != "" {
			g.vehicles = append(g.vehicles, i)
		}
	}
	slices.SortFunc(g.vehicles, func(a, b int) int { return strings.Compare(g.parts[a].vehicle, g.parts[b].vehicle) })
}

// group is the tally of a group as it is made.
type group struct {
	Tally
	parts      []*part
	category   int // its place, where a group is one
	categories []ofCategory
	stages     []ofStage
	advisers   []bool
	all        *gathering
}

// ofCategory is what is counted of a category.
type ofCategory struct {
	orders, passes int64
	gross, net     []bin
}

type ofStage struct {
	some bool
	ms   int64
}

// groups makes a tally for each group of g.by that has a part in the period.
func (g *gathering) groups(f func(key string, t Tally)) {
	of := map[string]*group{}
	if g.by == ByNone {
		of[""] = g.group("")
	}
	var keys []string
	var flat []*group
	in := make([][]*group, len(g.parts))
	for i := range g.parts {
		p := &g.parts[i]
		keys = p.parts(keys[:0], g.by)
		first := len(flat)
		for _, key := range keys {
			at := of[key]
			if at == nil {
				at = g.group(key)
				of[key] = at
			}
			at.parts, flat = append(at.parts, p), append(flat, at)
		}
		in[i] = flat[first:]
	}
	for _, at := range of {
		room := make([]bin, lists*len(at.parts))
		for i := range at.lists {
			at.lists[i] = room[i*len(at.parts) : i*len(at.parts) : (i+1)*len(at.parts)]
		}
	}
	g.share(in)
	for key, at := range of {
		s := g.scope
		s.key = key
		f(key, s.tally(at, g.bays))
	}
}

func (g *gathering) group(key string) *group {
	at := &group{all: g, category: -1, categories: make([]ofCategory, len(g.categories.keys)), stages: make([]ofStage, len(g.stages.keys)), advisers: make([]bool, len(g.advisers.keys))}
	if g.by == ByCategory {
		at.category = g.categories.place(key)
	}
	return at
}

// share gives the groups that each part is in what is sorted, in its order.
func (g *gathering) share(in [][]*group) {
	for list := range g.order {
		for _, i := range g.order[list] {
			p := &g.parts[i]
			for _, at := range in[i] {
				at.lists[list] = appendMinutes(at.lists[list], p.lengths[list])
				if list == lGross || list == lNet {
					at.repaired(p, list)
				}
			}
		}
	}
	for _, i := range g.vehicles {
		vehicle := g.parts[i].vehicle
		for _, at := range in[i] {
			if all := at.sets[sVehicles]; len(all) == 0 || all[len(all)-1] != vehicle {
				at.sets[sVehicles] = append(all, vehicle)
			}
		}
	}
}

// only says whether the category at a place counts in the group.
func (g *group) only(c int) bool { return g.category < 0 || g.category == c }

// repaired adds a repair time of a part to those of its categories.
func (g *group) repaired(p *part, list int) {
	for _, i := range p.categories {
		switch c := &g.categories[i]; {
		case !g.only(i):
		case list == lGross:
			c.gross = appendMinutes(c.gross, p.lengths[list])
		default:
			c.net = appendMinutes(c.net, p.lengths[list])
		}
	}
}

// named puts what was counted by place under its names.
func (g *group) named() {
	for _, i := range g.all.categories.sorted {
		c, key := &g.categories[i], g.all.categories.keys[i]
		if c.orders > 0 {
			g.by[mCategories] = append(g.by[mCategories], counted{key, c.orders})
		}
		if c.passes > 0 {
			g.by[mPasses] = append(g.by[mPasses], counted{key, c.passes})
		}
		if len(c.gross) > 0 {
			g.listsBy[byGross] = append(g.listsBy[byGross], keyedBins{key, c.gross})
			g.listsBy[byNet] = append(g.listsBy[byNet], keyedBins{key, c.net})
		}
	}
	for _, i := range g.all.stages.sorted {
		if g.stages[i].some {
			g.by[mStages] = append(g.by[mStages], counted{g.all.stages.keys[i], g.stages[i].ms})
		}
	}
	for _, i := range g.all.advisers.sorted {
		if g.advisers[i] {
			g.sets[sAdvisers] = append(g.sets[sAdvisers], g.all.advisers.keys[i])
		}
	}
}
