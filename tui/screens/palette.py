"""The palette's source: every action of `tui.bindings` that works here and now."""

from collections.abc import AsyncIterator
from functools import partial

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.bindings import GROUPS, shown_key


class Actions(Provider):
    def _working(self) -> list[Binding]:
        working = {id(active.binding): active.binding for active in self.screen.active_bindings.values()}
        ids = {binding.id for binding in working.values()}
        return [binding for group in GROUPS.values() for binding in group if binding.id in ids]

    async def discover(self) -> Hits:
        for binding in self._working():
            yield DiscoveryHit(_title(binding), partial(self._run, binding), help=binding.tooltip)

    async def search(self, query: str) -> AsyncIterator[Hit]:
        matcher = self.matcher(query)
        for binding in self._working():
            title = f"{_title(binding)}: {binding.tooltip}"
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), partial(self._run, binding))

    async def _run(self, binding: Binding) -> None:
        for active in self.screen.active_bindings.values():
            if active.binding.id == binding.id:
                await self.app.run_action(active.binding.action, active.node)
                return


def _title(binding: Binding) -> str:
    return f"{binding.description}  ({shown_key(binding)})"
