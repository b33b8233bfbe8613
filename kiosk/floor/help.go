package floor

// Help lists the places that called for help and were not yet answered: bays in
// the order of the configuration, then reception and desk.
func (s *State) Help() (places []string) {
	for _, b := range s.cfg.Bays {
		if p := s.shop[b.ID]; p != nil && p.help {
			places = append(places, b.ID)
		}
	}
	for _, p := range []string{Reception, Desk} {
		if b := s.shop[p]; b != nil && b.help {
			places = append(places, p)
		}
	}
	return places
}
