"""Carries out an audit on the workers of a scheduler instead of in this process."""

from collections.abc import Callable
from contextlib import closing

from audit.whole import audit_in_ranges
from chain.encoding import DecodeError
from chain.genesis import Genesis, GenesisError, decode_genesis
from cli.audit_run import Audited, Request, check_others, run, with_invariants, with_others, with_state
from cli.audit_sources import opened
from cli.errors import EXIT_USAGE, CliError


def check_together(request: Request, scheduler: str | None) -> None:
    """Refuse options that do not go together.

    Raises:
        CliError: saying which.
    """
    if scheduler is not None and (request.resume is not None or request.snapshots_every is not None):
        raise CliError("--scheduler goes neither with --resume nor with --snapshots-every", EXIT_USAGE)
    if scheduler is None and (request.snapshots is None) != (request.snapshots_every is None):
        raise CliError("--snapshots goes with --snapshots-every, or with --scheduler", EXIT_USAGE)


def run_on(scheduler: str, request: Request, on_range: Callable[[int, int], None]) -> Audited:
    """Audit on the workers of a scheduler.

    Raises:
        CliError: when a source cannot be used, or Dask is not installed.
        SourceUnreadable: when the source or the scheduler does not answer, or workers keep dying.
        CheckpointError, StoreError, LocalFault, ProtocolUnknown: when the audit cannot be finished.
    """
    try:
        from cli.audit_dask import DaskWorkers
    except ModuleNotFoundError as error:
        raise CliError("--scheduler needs Dask: pip install 'tallystick[dask]'") from error
    check_others(request)
    with opened(request.source) as found:
        genesis = _genesis(found.source.genesis())
        if genesis is None or request.genesis_hash not in (None, genesis.genesis_hash):
            # What is wrong with the genesis needs no workers to be said.
            return run(request, lambda progress: None, lambda: False)
        with closing(DaskWorkers(scheduler, request.source, on_range)) as workers:
            whole = audit_in_ranges(
                found.source,
                genesis,
                workers,
                anchored=request.genesis_hash is not None,
                level=request.level,
                snapshots=request.snapshots,
                invariants_every=request.invariants_every,
            )
        verdict = with_invariants(whole.verdict, whole.invariants)
        if whole.borders:
            heights = ", ".join(f"{height:,}" for height in whole.borders)
            verdict = verdict.noted(
                (f"snapshots at the heights {heights}, each proven, from which contracts were run",)
            )
        if found.state is not None and found.state.head is not None:
            verdict = with_state(verdict, found.state.head.height, whole.is_state_compared)
        if request.others:
            verdict = with_others(verdict, found.source, request)
    return Audited(verdict, whole.statistics)


def _genesis(data: bytes) -> Genesis | None:
    try:
        return decode_genesis(data)
    except (DecodeError, GenesisError):
        return None
