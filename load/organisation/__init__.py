"""A seeded organisation: teams that commit, build, deploy, break things and repair them, as a stream of events.

    Organisation --> parts.py (who there is) --> work.py (ordinary work)  \\
                                             `-> ugly.py (scripted cases) --> events in time order --> delivery.py
"""
