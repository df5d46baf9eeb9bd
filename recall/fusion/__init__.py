"""The lists of several branches become one."""
