package dict

// Slots is the number of elements that the table has room for, as it is.
func (d *Dict) Slots() int { return d.table.Slots() }
