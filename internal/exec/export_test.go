package exec

// Elements gives the scratch space for elements of a series, whole.
func (w *Worker) Elements() [][]byte { return w.elems[:cap(w.elems)] }
