"""node: what every machine runs, whatever its roles.

Enters  the `headwater` command, a settings file, control's desired state.
Leaves  running role processes, each with a web rim, logs, metrics and a drain.
Keeps   settings, the last desired state, process ids.
Never   handles media; imports a role (roles are started as processes, `python -m <role>`).
"""
