"""PromQL as text: selectors are written, durations rewritten by a parser."""
