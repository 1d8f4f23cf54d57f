"""Instead of the package receptorctl, for AWX in the tests: see socket_interface."""
