"""The command line. Exit codes: 0 pass, 1 fail, 2 inconclusive, 3 usage or set-up error, 4 everything skipped."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.exceptions import TyperException

from fawkes.harness.composition import scenario_loader
from fawkes.harness.doctor import examine
from fawkes.harness.errors import HarnessError, ProviderError, UsageError
from fawkes.harness.eventually import RealClock
from fawkes.harness.extras import require_kind
from fawkes.harness.given_postgres import SETTING, drop, server_dsn
from fawkes.harness.images.provide import make_images
from fawkes.harness.images.source import Source
from fawkes.harness.keeper import hold_until_signal, keep_up, parse_ports, take_down
from fawkes.harness.ledger import collect, state_directory
from fawkes.harness.model import RunResult
from fawkes.harness.mutants import MUTANTS, find_mutant
from fawkes.harness.narrate import Narrator
from fawkes.harness.places import ADR_LITERAL, PLATFORM, SCENARIOS
from fawkes.harness.providers.existing.target import Target
from fawkes.harness.providers.kind.leftovers import reclaim
from fawkes.harness.render import render_command
from fawkes.harness.result_io import load_result
from fawkes.harness.rules.check import check_rules, check_unit_tests
from fawkes.harness.rundir import LATEST, RunDirectory
from fawkes.harness.scenario import Profile, find_scenarios
from fawkes.harness.session import RUNS, ProviderName, Session, Wish, write_result
from fawkes.harness.side_by_side import jobs_that_fit
from fawkes.harness.signals import listen
from fawkes.harness.toolchain import CHART_BINARIES, CLUSTER_BINARIES, PLATFORM_BINARIES, UPGRADE_BINARIES, provide
from fawkes.reports.render import RENDERERS
from fawkes.reports.text import summary_lines

USAGE_ERROR: Final = 3
_LOG_WIDTH: Final = 240
"""Columns where there is no terminal: tables in a log are cut by nobody."""
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells say it."""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="""Proves, end to end and on real parts, that the Fawkes metrics platform does what ADR-012 promises.

Exit codes: 0 pass, 1 fail, 2 inconclusive (the harness could not tell), 3 usage or set-up error,
4 nothing ran, because everything was skipped.

\b
Examples:
  harness doctor                       what this machine has and can do
  harness run                          every scenario, on local processes
  harness run smoke --seed 7 --keep    one scenario, then look around
  harness run dora_golden --mutant adr_literal_rule
                                       break one thing; the run must fail
  harness judge .fawkes/runs/latest    the verdict again, offline
  harness up                           keep a platform; harness down ends it
""",
)
toolchain_app = typer.Typer(no_args_is_help=True, help="The platform's binaries.")
app.add_typer(toolchain_app, name="toolchain")
app.command("render")(render_command)

_out = Console(width=None if sys.stdout.isatty() else _LOG_WIDTH)
_err = Console(stderr=True, soft_wrap=True)

Names = Annotated[list[str] | None, typer.Argument(help="Scenario names or paths; all when none is given.")]
On = Annotated[ProviderName, typer.Option("--on", help="Where the platform runs.")]
ProfileOption = Annotated[Profile, typer.Option(help="How much and how fast.")]
Runs = Annotated[Path, typer.Option(help="Folder for run directories.")]
RunDir = Annotated[Path, typer.Argument(help="A run directory.")]
Context = Annotated[str | None, typer.Option(metavar="NAME", help="With --on existing: the kubeconfig's context.")]
Kubeconfig = Annotated[str | None, typer.Option(metavar="FILE", help="By default $KUBECONFIG or ~/.kube/config.")]
NamespacePrefix = Annotated[
    str | None, typer.Option(metavar="PREFIX", help="With --on existing: how the names of all its namespaces begin.")
]
ServicesImage = Annotated[
    str | None, typer.Option(metavar="IMAGE", help="Under which name that cluster has our services' image.")
]
InstallOperator = Annotated[
    bool, typer.Option("--install-operator", help="For the time of the run, and for its namespaces only.")
]
YesThisIs = Annotated[
    str | None, typer.Option(metavar="NAME", help="The context once more, if the cluster looks like production.")
]
LATEST_RUN: Final = RUNS / LATEST
ReportFormat = Literal["text", "json", "junit", "markdown", "html"]


@app.command("run")
def run_command(
    names: Names = None,
    on: On = "local",
    profile: ProfileOption = "ci",
    seed: Annotated[int | None, typer.Option(min=0, help="Reproduces a run's inputs; random when not given.")] = None,
    mutant: Annotated[str | None, typer.Option(help="Break one thing (see `harness mutants`).")] = None,
    runs: Runs = RUNS,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Scenarios at a time; 3 on 2 cores if memory allows.")
    ] = None,
    keep: Annotated[bool, typer.Option(help="Hold each platform after its scenario until Ctrl-C.")] = False,
    reuse: Annotated[str | None, typer.Option(metavar="NAME", help="Run on this kind cluster, which stays.")] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace_prefix: NamespacePrefix = None,
    services_image: ServicesImage = None,
    install_operator: InstallOperator = False,
    yes_this_is: YesThisIs = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print result.json on standard output.")] = False,
) -> None:
    """Run scenarios against a real platform and judge them.

    Example: harness run smoke dora_golden --seed 7
    """
    loaded = scenario_loader().load(find_scenarios(names or [], SCENARIOS))
    at_a_time = 1 if keep or len(loaded) == 1 else jobs or jobs_that_fit()
    target = Target.wished(
        on,
        context=context,
        kubeconfig=kubeconfig,
        namespace_prefix=namespace_prefix,
        services_image=services_image,
        install_operator=install_operator,
        yes_this_is=yes_this_is,
    )
    with Narrator(_err) as narrator:
        hold = (lambda environment: hold_until_signal(environment, narrator.keep)) if keep else None
        wish = Wish(on, profile, seed, runs, find_mutant(mutant) if mutant else None, hold, reuse, target)
        with contextlib.closing(Session(loaded, wish, narrator, narrator.progress)) as session:
            if min(at_a_time, session.at_a_time or at_a_time) > 1:
                interrupted = session.run_all(at_a_time, lambda name, line: narrator(f"{name}: {line}"))
            else:
                interrupted = _run_in_turn(session, list(loaded), narrator)
            result = session.finish()
    _report(result, session.directory.path, as_json)
    raise typer.Exit(INTERRUPTED if interrupted else result.exit_code)


def _run_in_turn(session: Session, names: Sequence[str], narrator: Narrator) -> bool:
    """Run them in turn; True when Ctrl-C ended it. The record so far is judged all the same."""
    for name in names:
        narrator.context = name
        try:
            session.run(name)
        except KeyboardInterrupt:
            return True
        finally:
            narrator.context = ""
    return False


@app.command("judge")
def judge_command(run_dir: RunDir = LATEST_RUN, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Repeat the verdict of a recorded run, offline, from run.json and history.jsonl.

    Example: harness judge .fawkes/runs/latest
    """
    result = write_result(RunDirectory(run_dir))
    _report(result, run_dir, as_json)
    raise typer.Exit(result.exit_code)


@app.command("report")
def report_command(
    run_dir: RunDir = LATEST_RUN,
    report_format: Annotated[
        ReportFormat, typer.Option("--format", help="What to print; all but text can be redirected to a file.")
    ] = "text",
) -> None:
    """Print a run's verdict, or one of its reports, from result.json, without judging again.

    Example: harness report .fawkes/runs/latest --format markdown > comment.md
    """
    path = run_dir / "result.json"
    if not path.exists():
        raise UsageError(f"{path} does not exist; `harness judge {run_dir}` writes it")
    text = path.read_text(encoding="utf-8")
    result = load_result(text)
    if report_format == "text":
        _report(result, run_dir, as_json=False)
    else:
        _write(text if report_format == "json" else RENDERERS[report_format][1](result))


@app.command("list")
def list_command() -> None:
    """The scenarios and their claims."""
    loaded = scenario_loader().load(find_scenarios([], SCENARIOS))
    table = Table("scenario", "claim", box=None)
    for name, (scenario, _) in loaded.items():
        table.add_row(name, scenario.claim)
    _out.print(table)


@app.command("mutants")
def mutants_command() -> None:
    """What `--mutant` can break, and which scenario must catch it where."""
    table = Table("mutant", "breaks", "caught by", "at stage", box=None)
    for mutant in MUTANTS.values():
        table.add_row(mutant.name, mutant.breaks, mutant.scenario, mutant.stage.value)
    _out.print(table)


@app.command("schema")
def schema_command() -> None:
    """JSON Schema of scenario files, for editors.

    Example: harness schema > scenario.schema.json
    """
    sys.stdout.write(json.dumps(scenario_loader().json_schema(), indent=2) + "\n")


@app.command("doctor")
def doctor_command() -> None:
    """Every binary, its version and where it came from; what this machine can and cannot do."""
    table = Table("subject", "state", "found", "from", "remedy", box=None)
    for row in examine(os.environ):
        table.add_row(row.subject, row.state, row.found, row.origin, row.remedy)
    _out.print(table)


@app.command("up")
def up_command(
    on: On = "local",
    port: Annotated[list[str] | None, typer.Option(help="PART=NUMBER, e.g. prometheus-core-0=9090.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    runs: Runs = RUNS,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace_prefix: NamespacePrefix = None,
    services_image: ServicesImage = None,
    install_operator: InstallOperator = False,
    yes_this_is: YesThisIs = None,
) -> None:
    """Start the whole platform, print its URLs, and leave it running until `harness down`.

    Examples: harness up --port thanos-query-0=10902; harness up --on kind
    """
    target = Target.wished(
        on,
        context=context,
        kubeconfig=kubeconfig,
        namespace_prefix=namespace_prefix,
        services_image=services_image,
        install_operator=install_operator,
        yes_this_is=yes_this_is,
    )
    with Narrator(_err) as narrator:
        lines = keep_up(parse_ports(port or []), on=on, seed=seed, runs=runs, say=narrator.progress, target=target)
    _out.print("\n".join(lines), markup=False, highlight=False)


@app.command("preflight")
def preflight_command(
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace_prefix: NamespacePrefix = None,
    services_image: ServicesImage = None,
    install_operator: InstallOperator = False,
    yes_this_is: YesThisIs = None,
) -> None:
    """What a run with `--on existing` would make in a cluster, what it needs there, and what is missing. Makes nothing.

    Example: harness preflight --context kind-mine --namespace-prefix alice
    """
    require_kind()
    from fawkes.harness.providers.existing.venue import look  # noqa: PLC0415 - its packages are an extra

    target = Target.wished(
        "existing",
        context=context,
        kubeconfig=kubeconfig,
        namespace_prefix=namespace_prefix,
        services_image=services_image,
        install_operator=install_operator,
        yes_this_is=yes_this_is,
    )
    assert target is not None
    with Narrator(_err) as narrator:
        report = look(target, progress=narrator.progress)
    table = Table("subject", "state", "found", "remedy", box=None)
    for row in report.rows:
        table.add_row(row.subject, row.state, escape(row.found), escape(row.remedy))
    _out.print(table)
    report.refuse()


@app.command("down")
def down_command() -> None:
    """End every platform that `harness up` has left running."""
    ended = take_down(state_directory(os.environ))
    _out.print(f"{len(ended)} platforms ended" if ended else "no platform is up")


@app.command("gc")
def gc_command() -> None:
    """Take back what crashed runs have left: processes, data, kind clusters. Touches nothing else."""
    with Narrator(_err) as narrator:
        done = collect(state_directory(os.environ), functools.partial(_remove_cluster, progress=narrator.progress))
    given = server_dsn(os.environ)
    for name in done.databases:
        if given is None:
            raise UsageError(f"a crashed run left the database {name}; drop it, or set {SETTING} for the next time")
        drop(given, name)
    _out.print(
        f"{len(done.runs)} crashed runs: {done.processes} processes ended, "
        f"{done.data_directories} data directories deleted, {len(done.clusters)} clusters removed"
    )
    if done.troubles:
        raise ProviderError("\n".join(done.troubles))


def _remove_cluster(entry: Mapping[str, Any], *, progress: Callable[[str], None]) -> None:
    """A cluster of a crashed run; of somebody else's, what the run had made in it."""
    if entry.get("provider") == "existing":
        require_kind()
        from fawkes.harness.providers.existing.leftovers import reclaim as reclaim_stay  # noqa: PLC0415 - as above

        reclaim_stay(entry, clock=RealClock())
        return
    reclaim(entry, environ=os.environ, clock=RealClock(), progress=progress)


@toolchain_app.command("build")
def toolchain_build_command(
    cluster: Annotated[bool, typer.Option("--cluster", help="Also what a kind cluster is made of.")] = False,
    chart: Annotated[bool, typer.Option("--chart", help="Also helm, for `--stack chart`.")] = False,
    upgrade: Annotated[bool, typer.Option("--upgrade", help="Also the older Prometheus of `upgrade`.")] = False,
) -> None:
    """Find or build every binary the platform needs, ahead of a run."""
    more = ((cluster, CLUSTER_BINARIES), (chart, CHART_BINARIES), (upgrade, UPGRADE_BINARIES))
    names = (*PLATFORM_BINARIES, *(name for wanted, group in more if wanted for name in group))
    with Narrator(_err) as narrator:
        binaries = provide(names, progress=narrator.progress)
    for binary in binaries.values():
        _out.print(f"{binary.name} {binary.version} ({binary.origin}): {binary.path}", markup=False, highlight=False)


@app.command("images")
def images_command(
    pull: Annotated[bool, typer.Option("--pull", help="Take kind's own node image from a registry.")] = False,
    build: Annotated[bool, typer.Option("--build", help="Make the node image here in any case.")] = False,
) -> None:
    """Provide the images of a kind cluster where they are missing: the node with the control plane, and our services.

    Without an option a registry is asked once where there is no node image yet; where none answers it is made here.
    Needs root, debootstrap and Docker, which is started where it is installed and not running.
    `kind create cluster --image REFERENCE` makes a cluster of it, `kind load image-archive FILE` adds the services.
    """
    if pull and build:
        raise UsageError("--pull and --build exclude each other; without either a registry is asked")
    source: Source = "pull" if pull else "build" if build else "auto"
    with Narrator(_err) as narrator:
        made = make_images(narrator.progress, source=source)
    _out.print(f"node: {made.node}\nservices: {made.services}", markup=False, highlight=False)


@toolchain_app.command("check-rules")
def check_rules_command() -> None:
    """Check the platform's rules with promtool, run their unit tests, and prove the defects of the ADR's own rules."""
    with Narrator(_err) as narrator:
        promtool = provide(["promtool"], progress=narrator.progress)["promtool"].path
    passed = {PLATFORM: check_rules(PLATFORM, promtool), ADR_LITERAL: check_unit_tests(ADR_LITERAL, promtool)}
    for directory, names in passed.items():
        for name in names:
            _out.print(f"ok {directory.name}/{name}", markup=False, highlight=False)


def _write(text: str) -> None:
    """A report as its file would hold it, whatever encoding the terminal has."""
    sys.stdout.buffer.write(text.encode())


def _report(result: RunResult, directory: Path, as_json: bool) -> None:
    if as_json:
        _write((directory / "result.json").read_text(encoding="utf-8"))
        return
    for line in summary_lines(result):
        _out.print(line, markup=False, highlight=False, soft_wrap=True)
    _out.print(f"report: {directory / 'report.html'}", markup=False, highlight=False)


def main() -> None:
    """Entry point of `harness`."""
    listen()
    try:
        code = app(standalone_mode=False)
    except (HarnessError, TyperException) as error:
        _err.print(f"harness: {error}", markup=False, highlight=False)
        code = USAGE_ERROR
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
