"""Kernels of the scorers; every module here is compiled by ``searchrank.native.build``."""
