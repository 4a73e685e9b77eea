"""base: what two roles must agree on, and nothing else.

Enters  bytes and plain values from a peer: a path, a header, a JSON body.
Leaves  frozen values: names, problems, lifetimes, notes between roles, desired state.
Keeps   nothing.
Never   does I/O, reads a clock, imports another folder of ours. A module used by one role only stays at home.
"""
