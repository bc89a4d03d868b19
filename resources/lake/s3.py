"""Files of a lake in a folder or on S3, and its credentials, which come from dagster-aws and the AWS session.

They are requested at each use and never become part of a resource's configuration, which the UI shows.
Credentials of a role renew themselves.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pyarrow import fs

from resources.settings.at_use import aws_credentials
from spot.errors import ConfigurationError

if TYPE_CHECKING:  # a lake in a folder never loads the AWS libraries
    from dagster_aws.s3 import S3Resource


def is_on_s3(uri: str) -> bool:
    """Whether the lake lies on S3."""
    return uri.startswith("s3://")


def with_credentials(uri: str, storage_options: Mapping[str, str]) -> dict[str, str]:
    """The options of a lake at `uri`; on S3 with region, endpoint and credentials where they are not given.

    Raises:
        ConfigurationError: the lake is on S3 and no credentials are found.
    """
    options = dict(storage_options)
    if not is_on_s3(uri) or "AWS_ACCESS_KEY_ID" in options:
        return options
    from dagster_aws.s3 import S3Resource

    keys = aws_credentials()
    s3 = S3Resource(
        region_name=options.get("AWS_REGION"),
        endpoint_url=options.get("AWS_ENDPOINT_URL"),
        aws_access_key_id=keys.get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=keys.get("AWS_SECRET_ACCESS_KEY"),
        aws_session_token=keys.get("AWS_SESSION_TOKEN"),
    )
    return {**s3_options(s3), **options}


def s3_options(s3: "S3Resource") -> dict[str, str]:
    """Region, endpoint and present credentials of a dagster-aws resource, as delta-rs names them.

    Raises:
        ConfigurationError: no credentials are found.
    """
    session = _session(s3.profile_name)
    options = {"AWS_REGION": s3.region_name or session.region_name or "us-east-1"}
    if s3.endpoint_url:
        options |= {
            "AWS_ENDPOINT_URL": s3.endpoint_url,
            "AWS_ALLOW_HTTP": str(s3.endpoint_url.startswith("http://")).lower(),
        }
    if s3.aws_access_key_id and s3.aws_secret_access_key:
        token = {"AWS_SESSION_TOKEN": s3.aws_session_token} if s3.aws_session_token else {}
        return {
            **options,
            "AWS_ACCESS_KEY_ID": s3.aws_access_key_id,
            "AWS_SECRET_ACCESS_KEY": s3.aws_secret_access_key,
            **token,
        }
    credentials = session.get_credentials()
    if credentials is None:
        raise ConfigurationError(
            "the lake is on S3 and there are no AWS credentials: set AWS_ACCESS_KEY_ID and"
            " AWS_SECRET_ACCESS_KEY, or a role"
        )
    frozen = credentials.get_frozen_credentials()
    token = {"AWS_SESSION_TOKEN": frozen.token} if frozen.token else {}
    return {
        **options,
        "AWS_ACCESS_KEY_ID": frozen.access_key,
        "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
        **token,
    }


def files_below(uri: str, options: Mapping[str, str]) -> fs.SubTreeFileSystem:
    """The files below `uri`, a folder or an address on S3, with paths relative to it.

    `options` are those of `with_credentials`.
    """
    if not is_on_s3(uri):
        return fs.SubTreeFileSystem(unquote(uri.removeprefix("file://")), fs.LocalFileSystem())
    s3 = fs.S3FileSystem(
        access_key=options.get("AWS_ACCESS_KEY_ID"),
        secret_key=options.get("AWS_SECRET_ACCESS_KEY"),
        session_token=options.get("AWS_SESSION_TOKEN"),
        region=options.get("AWS_REGION"),
        endpoint_override=options.get("AWS_ENDPOINT_URL"),
    )
    return fs.SubTreeFileSystem(uri.removeprefix("s3://"), s3)


@lru_cache(maxsize=8)
def _session(profile_name: str | None) -> Any:
    import boto3

    return boto3.session.Session(profile_name=profile_name)
