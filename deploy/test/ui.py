"""What a person does in the guarded UI, for the deploy test: log in, launch a job, see how it ends.

    ui.py PORT PASSWORD_FILE launch JOB ZONE FIRST_DAY LAST_DAY     prints the id of the run
    ui.py PORT PASSWORD_FILE status RUN                             its status
    ui.py PORT PASSWORD_FILE newest JOB                             that of the newest run of JOB, or NONE

Standard library alone.
"""

import json
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

LAUNCH = """mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
STATUS = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
NEWEST = """query Newest($job: String!) { runsOrError(filter: {pipelineName: $job}, limit: 1) {
  ... on Runs { results { status } } } }"""


class Page:
    """A session of one user."""

    def __init__(self, port: int, password: str) -> None:
        self._port, self._cookie = port, ""
        status, cookie, text = self._post(
            "/login", urlencode({"name": "admin", "password": password}), "application/x-www-form-urlencoded"
        )
        if status != 303:
            sys.exit(f"the login was answered {status}: {text[:200]}")
        self._cookie = cookie.partition(";")[0]

    def ask(self, query: str, variables: dict[str, object]) -> dict[str, dict[str, object]]:
        """The data of an answer of GraphQL."""
        body = json.dumps({"query": query, "variables": variables})
        status, _, text = self._post("/graphql", body, "application/json")
        answer = json.loads(text) if status == 200 else {}
        if "data" not in answer or answer.get("errors"):
            sys.exit(f"the UI answered {status}: {text[:300]}")
        return dict(answer["data"])

    def _post(self, path: str, body: str, kind: str) -> tuple[int, str, str]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Content-Type": kind, "Origin": f"http://127.0.0.1:{self._port}"}
        connection.request("POST", path, body, {**headers, "Cookie": self._cookie})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Set-Cookie") or "", answer.read().decode()


def launched(page: Page, job: str, zone: str, first_day: str, last_day: str) -> str:
    """Launch a job that loads a range of days; the id of its run."""
    tags = {
        "dagster/partition": f"{last_day}|{zone}",
        "dagster/partition/delivery_day": last_day,
        "dagster/partition/zone": zone,
        "spotdesk/first_day": first_day,
    }
    place = {"repositoryLocationName": "spotdesk", "repositoryName": "__repository__", "jobName": job}
    metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
    params = {"selector": place, "mode": "default", "runConfigData": {}, "executionMetadata": metadata}
    answer = page.ask(LAUNCH, {"params": params})["launchRun"]
    run = answer.get("run")
    if not isinstance(run, dict):
        sys.exit(f"{job} was not launched: {answer}")
    return str(run["runId"])


def main(port: str, password_file: str, deed: str, *rest: str) -> None:
    """Do one deed and print what came of it."""
    page = Page(int(port), Path(password_file).read_text(encoding="utf-8").strip())
    if deed == "launch":
        job, zone, first_day, last_day = rest
        said = launched(page, job, zone, first_day, last_day)
    elif deed == "newest":
        runs = page.ask(NEWEST, {"job": rest[0]})["runsOrError"]["results"]
        said = str(runs[0]["status"]) if isinstance(runs, list) and runs else "NONE"
    else:
        said = str(page.ask(STATUS, {"id": rest[0]})["runOrError"]["status"])
    sys.stdout.write(f"{said}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
