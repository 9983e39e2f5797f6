"""The platform's rules as files: what ships, whether promtool accepts it, and whether each rule has a unit test."""
