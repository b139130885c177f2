"""Neural relational inference (Kipf, Fetaya, Wang, Welling & Zemel 2018): an amortised posterior over graphs."""
