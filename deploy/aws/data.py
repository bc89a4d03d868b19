"""Where a desk on AWS keeps things: network, buckets, folder, database, secrets, images."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_efs as efs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secrets

USER = "10001"
"""The user of the image, who owns the folder of the desk."""
KEPT_YEARS = 10
"""How long nobody, not even the account's owner, can delete a head of the books."""
SECRETS = {
    "signals": "SPOTDESK_SIGNAL_WEBHOOK_URL and SPOTDESK_SIGNAL_WEBHOOK_SECRET",
    "sources": "keys of the sources, such as SPOTDESK_ENTSOE_TOKEN",
    "alerts": "SPOTDESK_WEBHOOK_URL and SPOTDESK_HEARTBEAT_URL",
    "oidc": "client_id and client_secret of the login",
    "heartbeat": "token, the last part of SPOTDESK_HEARTBEAT_URL",
}
"""Secrets that people fill in after the first deployment, and what each holds."""


class Data:
    """The stores of one desk. What holds data stays when the stack goes."""

    def __init__(self, stack: Stack) -> None:
        self.network = ec2.Vpc(
            stack,
            "Network",
            max_azs=2,
            nat_gateways=1,
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
            },
        )
        self.lake = self._bucket(stack, "Lake")
        self.logs = self._bucket(stack, "Logs", is_versioned=False, days=90)
        self.models = self._bucket(stack, "Models")
        self.stop = self._bucket(stack, "Stop")
        self.books = self._bucket(stack, "Books", is_locked=True)
        self.images = ecr.Repository(
            stack,
            "Images",
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.folder = efs.FileSystem(
            stack,
            "Folder",
            vpc=self.network,
            encrypted=True,
            enable_automatic_backups=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.access_point = self.folder.add_access_point(
            "Desk",
            path="/desk",
            posix_user=efs.PosixUser(uid=USER, gid=USER),
            create_acl=efs.Acl(owner_uid=USER, owner_gid=USER, permissions="750"),
        )
        self.database = rds.DatabaseInstance(
            stack,
            "Database",
            engine=rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.of("17.6", "17")),
            vpc=self.network,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            instance_type=ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.SMALL),
            credentials=rds.Credentials.from_generated_secret("spotdesk", exclude_characters="\"'@/\\:%#?& "),
            database_name="dagster",
            allocated_storage=20,
            multi_az=True,
            storage_encrypted=True,
            backup_retention=Duration.days(14),
            deletion_protection=True,
            removal_policy=RemovalPolicy.SNAPSHOT,
        )
        self.secrets = {
            name: secrets.Secret(stack, f"Secret{name.capitalize()}", description=f"Spotdesk: {what}")
            for name, what in SECRETS.items()
        }

    def _bucket(
        self,
        stack: Stack,
        name: str,
        *,
        is_versioned: bool = True,
        is_locked: bool = False,
        days: int | None = None,
    ) -> s3.Bucket:
        """A private, encrypted bucket; one that is locked lets nobody delete what it holds."""
        retention = s3.ObjectLockRetention.compliance(Duration.days(365 * KEPT_YEARS)) if is_locked else None
        rules = [] if days is None else [s3.LifecycleRule(expiration=Duration.days(days))]
        return s3.Bucket(
            stack,
            name,
            versioned=is_versioned,
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_lock_enabled=is_locked or None,
            object_lock_default_retention=retention,
            lifecycle_rules=rules,
            removal_policy=RemovalPolicy.RETAIN,
        )
