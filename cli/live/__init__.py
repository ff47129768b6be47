"""`watch`: the screen that goes on."""
