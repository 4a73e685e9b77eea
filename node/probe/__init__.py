"""node.probe: looks at a presentation from outside, as a player does, and says which rules it breaks.

Enters  the URL of an HLS playlist or a DASH manifest, and what is behind it.
Leaves  a summary and findings, each with the rule, its section, the place, what was seen and what was expected.
Keeps   nothing.
Never   imports a role or the packager: what a packager got wrong, its own reader would read the same way.

The rules are a table (rules.py). Modules that judge are pure: text, bytes and fields in, findings out. Only fetch.py
talks to the network; visit_hls.py, follow_hls.py and visit_dash.py decide what it fetches.
"""
