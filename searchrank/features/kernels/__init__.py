"""Kernels of the runtime itself: the driver, look-ups, reading statistics."""
