"""edge: a cache close to viewers.

Enters  GET and HEAD for a public Name; the preflight of a browser; GET of the time. In front of any other origin: any
        request.
Leaves  the object, from memory or from upstream; one Delivery record for each answer.
Keeps   objects in memory, until they are stale or crowded out. Nothing it cannot lose.
Never   parses media; asks control while a viewer waits; asks upstream for the same Name twice at once, unless the
        answer may not be shared or is as long as a film; ends a body cleanly that was cut short.

How a request goes: `lane` answers a plain GET of a hot object inside `data_received`; everything else comes through
aiohttp to `service`, which asks `request` what is wanted, looks into `store`, and follows a `fill`. What is no name of
a Headwater origin goes on to `generic`, the shared cache of RFC 9111 for any origin: `target` says what is asked,
`vary` and `reuse` what of the store will do, `freshness` and `directives` what may be kept, `validation` what a 304
changes, `hops` what passes from one side to the other, `by_blocks` how parts of an object are kept and put together.
"""
