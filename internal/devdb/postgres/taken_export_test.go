package postgres

// Taken gives how many connections were opened on the server and how many databases were made.
func (s *Server) Taken() (connections, databases int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pulse.mu.Lock()
	defer s.pulse.mu.Unlock()
	return s.pulse.taken, s.n
}
