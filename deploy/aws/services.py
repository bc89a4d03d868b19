"""The tasks of a desk on AWS: one image, one role for each of them, and the task of a run."""

from aws_cdk import CfnParameter, Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from data import Data
from parts import KEYS, MAKE_DATABASE, PARTS, RUN, Part

FOLDER = "/desk"
RUN_FAMILY = "spotdesk-run"


class Services:
    """The cluster of one desk, its services and the task definition of a run."""

    def __init__(self, stack: Stack, data: Data) -> None:
        self._stack, self._data = stack, data
        self.image = CfnParameter(
            stack,
            "Digest",
            allowed_pattern="sha256:[0-9a-f]{64}",
            description="Digest of the image in Images",
        )
        self.names = {
            "web": CfnParameter(stack, "Domain", description="Name of the UI, such as desk.example.com"),
            "screen": CfnParameter(stack, "ScreenDomain", description="Name of the trader's screen"),
        }
        self._n_tasks = CfnParameter(
            stack,
            "TasksPerService",
            type="Number",
            default=1,
            min_value=0,
            max_value=1,
            description="0 until the image, the secrets and the desk are there",
        )
        self.cluster = ecs.Cluster(
            stack,
            "Cluster",
            vpc=data.network,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            default_cloud_map_namespace=ecs.CloudMapNamespaceOptions(
                name="spotdesk", use_for_service_connect=True
            ),
        )
        self.security_group = ec2.SecurityGroup(stack, "Tasks", vpc=data.network)
        self.security_group.add_ingress_rule(self.security_group, ec2.Port.all_tcp(), "parts of the desk")
        for store in (data.database, data.folder):
            store.connections.allow_default_port_from(self.security_group)
        self.run = self._definition("run", RUN, family=RUN_FAMILY)
        definitions = {name: self._definition(name, part) for name, part in PARTS.items()}
        for name in ("code", "daemon", "web"):  # each loads the launcher
            self._let_stop(definitions[name])
        self._let_launch(definitions["daemon"])
        self.services = {name: self._service(name, definitions[name]) for name in PARTS}

    def _definition(self, name: str, part: Part, family: str | None = None) -> ecs.FargateTaskDefinition:
        data, title = self._data, name.capitalize()
        definition = ecs.FargateTaskDefinition(
            self._stack,
            f"Task{title}",
            cpu=part.cpu,
            memory_limit_mib=part.memory,
            family=family or f"spotdesk-{name}",
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.X86_64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        log_group = logs.LogGroup(self._stack, f"Log{title}", retention=logs.RetentionDays.THREE_MONTHS)
        container = definition.add_container(
            name,
            image=ecs.ContainerImage.from_registry(
                f"{data.images.repository_uri}@{self.image.value_as_string}"
            ),
            command=list(part.command),
            environment=self._environment(name),
            secrets=self._secrets(part),
            logging=ecs.LogDrivers.aws_logs(stream_prefix=name, log_group=log_group),
            readonly_root_filesystem=True,
            user="10001",
            stop_timeout=Duration.seconds(60),
            port_mappings=[] if part.port is None else [ecs.PortMapping(name=name, container_port=part.port)],
        )
        data.images.grant_pull(definition.obtain_execution_role())
        definition.add_volume(name="tmp")
        container.add_mount_points(
            ecs.MountPoint(container_path="/tmp", source_volume="tmp", read_only=False)
        )
        if part.has_folder:
            self._mount_folder(definition, container)
        for bucket, deeds in part.buckets.items():
            found: s3.Bucket = getattr(data, bucket)
            definition.task_role.add_to_principal_policy(
                iam.PolicyStatement(
                    actions=list(deeds), resources=[found.bucket_arn, found.arn_for_objects("*")]
                )
            )
        return definition

    def _environment(self, name: str) -> dict[str, str]:
        data = self._data
        return {
            "HOME": "/tmp",
            "SPOTDESK_HOME": FOLDER,
            "SPOTDESK_ENVIRONMENT": "production",
            "SPOTDESK_DAGSTER_SETTINGS": "/opt/spotdesk/resources/home/templates/dagster.aws.yaml",
            "SPOTDESK_DB_HOST": data.database.db_instance_endpoint_address,
            "SPOTDESK_LAKE_URI": f"s3://{data.lake.bucket_name}/desk",
            "SPOTDESK_STOP_URI": f"s3://{data.stop.bucket_name}/desk",
            "SPOTDESK_BOOKS_URI": f"s3://{data.books.bucket_name}/desk",
            "SPOTDESK_LOGS_BUCKET": data.logs.bucket_name,
            "SPOTDESK_RUN_TASK_DEFINITION": RUN_FAMILY,
            "MLFLOW_TRACKING_URI": "http://mlflow:5000",
            "AWS_REGION": self._stack.region,
            **({"SPOTDESK_UI_HOSTS": self.names[name].value_as_string} if name in self.names else {}),
            **(
                {"MAKE_DATABASE": MAKE_DATABASE, "MODELS": f"s3://{data.models.bucket_name}"}
                if name == "mlflow"
                else {}
            ),
        }

    def _secrets(self, part: Part) -> dict[str, ecs.Secret]:
        database = self._data.database.secret
        if database is None:
            raise ValueError("the database has no secret")
        keys = {key: name for name in part.secrets for key in KEYS[name]}
        return {
            "PGPASSWORD": ecs.Secret.from_secrets_manager(database, "password"),
            **{
                key: ecs.Secret.from_secrets_manager(self._data.secrets[name], key)
                for key, name in keys.items()
            },
        }

    def _mount_folder(
        self, definition: ecs.FargateTaskDefinition, container: ecs.ContainerDefinition
    ) -> None:
        folder, point = self._data.folder, self._data.access_point
        definition.add_volume(
            name="desk",
            efs_volume_configuration=ecs.EfsVolumeConfiguration(
                file_system_id=folder.file_system_id,
                transit_encryption="ENABLED",
                authorization_config=ecs.AuthorizationConfig(
                    access_point_id=point.access_point_id, iam="ENABLED"
                ),
            ),
        )
        container.add_mount_points(
            ecs.MountPoint(container_path=FOLDER, source_volume="desk", read_only=False)
        )
        definition.task_role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
                resources=[folder.file_system_arn],
                conditions={"StringEquals": {"elasticfilesystem:AccessPointArn": point.access_point_arn}},
            )
        )

    def _let_launch(self, daemon: ecs.FargateTaskDefinition) -> None:
        """The daemon starts tasks of the run, and hands them the run's two roles and no others."""
        role, execution = daemon.task_role, self.run.execution_role
        stack = self._stack
        family = f"arn:{stack.partition}:ecs:{stack.region}:{stack.account}:task-definition/{RUN_FAMILY}"
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["ecs:RunTask"],
                resources=[f"{family}:*"],
                conditions={"ArnEquals": {"ecs:cluster": self.cluster.cluster_arn}},
            )
        )
        passed = [self.run.task_role.role_arn, *([execution.role_arn] if execution else [])]
        role.add_to_principal_policy(iam.PolicyStatement(actions=["iam:PassRole"], resources=passed))

    def _let_stop(self, definition: ecs.FargateTaskDefinition) -> None:
        """See and stop tasks of this cluster."""
        stack = self._stack
        tasks = f"arn:{stack.partition}:ecs:{stack.region}:{stack.account}:task/{self.cluster.cluster_name}/*"
        definition.task_role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["ecs:DescribeTasks", "ecs:StopTask", "ecs:TagResource", "ecs:ListTagsForResource"],
                resources=[tasks],
            )
        )
        # These have no resource that a policy could name.
        definition.task_role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["ecs:DescribeTaskDefinition", "ec2:DescribeNetworkInterfaces"], resources=["*"]
            )
        )

    def _service(self, name: str, definition: ecs.FargateTaskDefinition) -> ecs.FargateService:
        port = PARTS[name].port
        offered = (
            [ecs.ServiceConnectService(port_mapping_name=name, dns_name=name, port=port)] if port else []
        )
        # Two daemons would start everything twice: the old one ends before the new one begins.
        least, most = (100, 200) if name in ("web", "screen") else (0, 100)
        return ecs.FargateService(
            self._stack,
            f"Service{name.capitalize()}",
            cluster=self.cluster,
            task_definition=definition,
            service_name=name,
            desired_count=self._n_tasks.value_as_number,
            security_groups=[self.security_group],
            min_healthy_percent=least,
            max_healthy_percent=most,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            service_connect_configuration=ecs.ServiceConnectProps(services=offered),
        )
