"""tools: what the doors of the Makefile call, and no role imports.

Enters  the repository itself: sources, tests, tables.
Leaves  reference pages; one clear line about what a machine lacks.
Keeps   nothing.
Never   runs in an appliance.
"""
