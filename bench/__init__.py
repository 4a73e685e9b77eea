"""bench: how fast the parts are on this machine, beside what people would use instead.

Enters  the installed appliance's own modules, nginx and wrk where a comparison needs them.
Leaves  docs/reference/benchmarks.md: figures with the facts of the machine that they were measured on.
Keeps   nothing.
Never   sends traffic to another machine; runs without a bound in time.

Each module with a function `measure() -> Figures` is one benchmark; `python -m bench [NAME ...]` runs them.
"""
