"""The stack of a desk on AWS: `python deploy/aws/app.py FOLDER` writes the CloudFormation template, offline.

Needs `deploy/aws/requirements.txt` in an environment of its own, and Node. `make aws` does both.
"""

import sys

from aws_cdk import App, CfnOutput, DefaultStackSynthesizer, Stack, Tags
from data import Data
from front import Front
from services import Services
from watching import Watching


def desk_stack(app: App) -> Stack:
    """Everything of one desk in one account and region."""
    # Without assets nothing has to be prepared in the account before the first deployment.
    synthesizer = DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
    stack = Stack(app, "spotdesk", synthesizer=synthesizer, description="Spotdesk: one trading desk")
    data = Data(stack)
    services = Services(stack, data)
    Front(stack, data, services)
    Watching(stack, data, services)
    CfnOutput(stack, "RepositoryUri", value=data.images.repository_uri)
    CfnOutput(stack, "FolderId", value=data.folder.file_system_id)
    return stack


def main(folder: str) -> None:
    """Write the template below `folder`."""
    app = App(outdir=folder, analytics_reporting=False)
    Tags.of(desk_stack(app)).add("application", "spotdesk")
    app.synth()


if __name__ == "__main__":
    main(*sys.argv[1:])
