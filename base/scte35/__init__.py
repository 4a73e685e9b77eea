"""splice_info_section of SCTE 35 2023r1 (section 9): read, written, and what it means for a channel. Pure.

section.py      the section as a whole: parse and write, exact to the octet
commands.py     splice commands (9.7)
descriptors.py  splice descriptors (10)
meaning.py      breaks that begin and end, from either style of signalling
"""
