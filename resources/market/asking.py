"""One request to a provider: its answer is kept as it came, and then parsed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from resources.lake.lake import Lake
from resources.market.captures import CaptureRecord, CaptureStore
from resources.providers.http import Answer, HttpClient
from resources.providers.provider import Provider, ProviderRequest
from resources.wall_clock import utc_now
from spot.errors import (
    ConfigurationError,
    ContractError,
    NotYetPublishedError,
    SourceUnavailableError,
)
from spot.sources.parsed import Capture, ParsedDocument


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks providers and records each answer in `captures`, refusals and failures too."""

    lake: Lake
    client: Callable[[Provider], HttpClient]
    clock_problem: Callable[[], str]
    """Why the clock that stamps answers cannot be trusted; empty where it can."""

    def ask(
        self, provider: Provider, request: ProviderRequest, zone: str, *, is_backfill: bool
    ) -> ParsedDocument | None:
        """Send one request, keep the answer and parse it. None if the document is not there yet.

        Raises:
            SourceUnavailableError: the provider does not answer.
            ConfigurationError: the request cannot be made with these settings.
            ContractError: the answer is refused, or the clock that stamps it is not trusted.
        """
        asked = utc_now()
        try:
            answer = request.ask(self.client(provider))
        except NotYetPublishedError as error:
            self._record(
                provider, request, zone, (str(error), asked), is_backfill=is_backfill, outcome="no_data"
            )
            return None
        except (SourceUnavailableError, ConfigurationError) as error:
            self._record(
                provider, request, zone, (str(error), asked), is_backfill=is_backfill, outcome="unavailable"
            )
            raise
        if why := self._why_not_kept(provider.name, request.series, zone, answer.completed_at_utc):
            said = (why, answer.completed_at_utc)
            self._record(
                provider, request, zone, said, is_backfill=is_backfill, outcome="refused", answer=answer
            )
            raise ContractError(f"{provider.name} {request.series} of {zone}: {why}; `spotdesk clock show`")
        capture = Capture(
            zone=zone,
            captured_at_utc=answer.completed_at_utc,
            first_utc=request.first_utc,
            end_utc=request.end_utc,
            is_backfill=is_backfill,
        )
        try:
            document = request.parse(answer.body, capture)
        except ContractError as error:
            self._record(
                provider,
                request,
                zone,
                (str(error), answer.completed_at_utc),
                is_backfill=is_backfill,
                outcome="refused",
                answer=answer,
            )
            raise
        outcome = "no_data" if document.no_data else "rows"
        self._record(
            provider,
            request,
            zone,
            (document.no_data, answer.completed_at_utc),
            is_backfill=is_backfill,
            outcome=outcome,
            answer=answer,
            document=document,
        )
        return document

    def _why_not_kept(self, source: str, series: str, zone: str, at: datetime) -> str:
        """Why an answer of this instant is not to be kept; empty where it is.

        An answer that is stamped earlier than one that is kept would be buried under it.
        """
        problem = self.clock_problem()
        if problem:
            return f"the clock of this machine is not trusted: {problem}"
        kept = CaptureStore(self.lake).kept_later(source, zone, series, at)
        if kept is None:
            return ""
        return (
            f"it came at {at:%Y-%m-%d %H:%M:%S} UTC by the clock of this machine, and an earlier answer at"
            f" {kept:%Y-%m-%d %H:%M:%S} UTC: the clock stepped back"
        )

    def _record(
        self,
        provider: Provider,
        request: ProviderRequest,
        zone: str,
        said: tuple[str, datetime],
        *,
        is_backfill: bool,
        outcome: str,
        answer: Answer | None = None,
        document: ParsedDocument | None = None,
    ) -> None:
        record = CaptureRecord(
            source=provider.name,
            zone=zone,
            series=request.series,
            address=request.address,
            first_utc=request.first_utc,
            end_utc=request.end_utc,
            captured_at_utc=said[1],
            is_backfill=is_backfill,
            outcome=outcome,
            detail=said[0][:1000],
            n_rows=document.n_rows if document else 0,
            n_rejected=document.n_rejected if document else 0,
        )
        CaptureStore(self.lake).record([(record, answer.body if answer else b"")])
