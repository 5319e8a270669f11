"""The sample's accounts: who lives where, who writes a lot."""

from random import Random

from reddit_mcp.archive.sample.sample_text import Community, Phrases

GONE = "[deleted]"
_PEOPLE = 320
_REGULARS = 70


class People:
    """The accounts of the sample, and the regulars of each community (its moderator first)."""

    def __init__(self, phrases: Phrases, communities: list[Community], rng: Random) -> None:
        self._rng = rng
        pairs = [first + second for first in phrases.first for second in phrases.second]
        names = [name + rng.choice(("", "", str(rng.randint(2, 99)))) for name in rng.sample(pairs, _PEOPLE)]
        self.names = names + [community.owner for community in communities if community.owner]
        self._regulars = {community.name: rng.sample(names, _REGULARS) for community in communities}
        self._regulars |= {c.name: [c.owner, *self._regulars[c.name]] for c in communities if c.owner}

    def moderator(self, community: Community) -> str:
        """Who keeps order."""
        return self._regulars[community.name][0]

    def posters(self, community: Community, count: int) -> list[str]:
        """Who wrote the community's posts: all different where people suffice; a page's owner writes it all."""
        if community.owner:
            return [community.owner] * count
        regulars = self._regulars[community.name][1:]
        return self._rng.sample(regulars, min(count, len(regulars)))

    def answerer(self, community: Community, to: str) -> str:
        """Who replies to `to`. A few regulars write most of the comments, and nobody answers himself."""
        regulars = self._regulars[community.name]
        name = to
        while name == to:
            name = regulars[int(len(regulars) * self._rng.random() ** 1.6)]
        return name
