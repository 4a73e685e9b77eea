"""edge: a cache close to viewers.

Enters  GET and HEAD for a public Name; the preflight of a browser; GET of the time.
Leaves  the object, from memory or from upstream; one Delivery record for each answer.
Keeps   objects in memory, until they are stale or crowded out. Nothing it cannot lose.
Never   parses media; asks control while a viewer waits; asks upstream for the same Name twice at once, unless the
        answer may not be shared or is as long as a film; ends a body cleanly that was cut short.

How a request goes: `lane` answers a plain GET of a hot object inside `data_received`; everything else comes through
aiohttp to `service`, which asks `request` what is wanted, looks into `store`, and follows a `fill`.
"""
