"""The palette's source: every action of `tui.bindings` that works here and now."""

from collections.abc import AsyncIterator
from functools import partial

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.bindings import shown_key
from tui.keys.doing import do, working


class Actions(Provider):
    async def discover(self) -> Hits:
        for binding in working(self.screen).values():
            yield DiscoveryHit(_title(binding), partial(do, self.app, binding), help=binding.tooltip)

    async def search(self, query: str) -> AsyncIterator[Hit]:
        matcher = self.matcher(query)
        for binding in working(self.screen).values():
            title = f"{_title(binding)}: {binding.tooltip}"
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), partial(do, self.app, binding))


def _title(binding: Binding) -> str:
    return f"{binding.description}  ({shown_key(binding)})"
