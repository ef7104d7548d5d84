"""An S3 server of the tests' own (moto), on a free loopback port."""

import logging
from collections.abc import Iterator, Mapping

import pytest


def environment(endpoint: str) -> Mapping[str, str]:
    """What AWS's own variables say of it."""
    return {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "not-shown-anywhere",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The endpoint of a server with an empty bucket ``runs``; for a ``conftest.py`` or a module to import."""
    boto3 = pytest.importorskip("boto3", reason="the s3 extra is not installed")
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # else it tells of every request
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="tests",
        aws_secret_access_key="not-shown-anywhere",
    )
    client.create_bucket(Bucket="runs")
    yield endpoint
    server.stop()
