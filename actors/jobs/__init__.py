"""How one product is carried through one phase."""
