"""A team's month told in the words of its own tools, each with its own proof of who speaks: `do: native_senders`."""
