"""Settings chosen by the data: a look at them, a few short fits, and the likelihood of what these did not see."""
