"""Who is woken: a heartbeat that stays away, tasks that end by themselves, a full database."""

from aws_cdk import CfnParameter, Duration, Stack
from aws_cdk import aws_cloudwatch as watch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as functions
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from data import Data
from services import Services

_SOURCE = "spotdesk.heartbeat"
_HEAR = f"""
import hmac, json, os, time, boto3
secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET"])["SecretString"]
token = json.loads(secret)["token"]
events = boto3.client("events")
metric = {{"Namespace": "Spotdesk", "Dimensions": [[]], "Metrics": [{{"Name": "Heartbeats"}}]}}
def handler(event, context):
    said = event.get("rawPath", "").rpartition("/")[2]
    if len(token) < 32 or not hmac.compare_digest(said.encode(), token.encode()):
        return {{"statusCode": 404}}
    entry = {{"Source": "{_SOURCE}", "DetailType": "heartbeat", "Detail": "{{}}"}}
    events.put_events(Entries=[{{**entry, "EventBusName": os.environ["BUS"]}}])
    when = {{"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}}
    print(json.dumps({{"_aws": when, "Heartbeats": 1}}))
    return {{"statusCode": 204}}
"""
"""The daemon asks SPOTDESK_HEARTBEAT_URL each minute while schedules and sensors run."""


class Watching:
    """The bus of the heartbeat, alarms and the topic that wakes people."""

    def __init__(self, stack: Stack, data: Data, services: Services) -> None:
        address = CfnParameter(stack, "AlarmMail", description="Address that is woken")
        topic = sns.Topic(stack, "Alarms", enforce_ssl=True)
        topic.add_subscription(subscriptions.EmailSubscription(address.value_as_string))
        bus = events.EventBus(stack, "Heartbeat", event_bus_name="spotdesk")
        self._listen(stack, data, bus)
        beats = watch.Metric(
            namespace="Spotdesk", metric_name="Heartbeats", statistic="Sum", period=Duration.minutes(1)
        )
        alarms = [
            watch.Alarm(
                stack,
                "Silent",
                metric=beats,
                threshold=1,
                comparison_operator=watch.ComparisonOperator.LESS_THAN_THRESHOLD,
                evaluation_periods=3,
                treat_missing_data=watch.TreatMissingData.BREACHING,
                alarm_description="No schedule or sensor of the desk has run for three minutes.",
            ),
            watch.Alarm(
                stack,
                "DatabaseFull",
                metric=data.database.metric_free_storage_space(),
                threshold=5 * 1024**3,
                comparison_operator=watch.ComparisonOperator.LESS_THAN_THRESHOLD,
                evaluation_periods=3,
                alarm_description="The database has less than 5 GiB left.",
            ),
        ]
        for alarm in alarms:
            alarm.add_alarm_action(actions.SnsAction(topic))
        ended = {
            "clusterArn": [services.cluster.cluster_arn],
            "lastStatus": ["STOPPED"],
            "stopCode": ["EssentialContainerExited", "TaskFailedToStart"],
            "group": [{"prefix": "service:"}],
        }
        events.Rule(
            stack,
            "Ended",
            event_pattern=events.EventPattern(
                source=["aws.ecs"], detail_type=["ECS Task State Change"], detail=ended
            ),
            targets=[targets.SnsTopic(topic)],
        )

    def _listen(self, stack: Stack, data: Data, bus: events.EventBus) -> None:
        """The address of the heartbeat: a small function that puts an event on the bus."""
        secret = data.secrets["heartbeat"]
        function = functions.Function(
            stack,
            "Hear",
            runtime=functions.Runtime.PYTHON_3_12,
            handler="index.handler",
            code=functions.Code.from_inline(_HEAR),
            timeout=Duration.seconds(5),
            reserved_concurrent_executions=2,
            environment={"SECRET": secret.secret_arn, "BUS": bus.event_bus_name},
            log_group=logs.LogGroup(stack, "LogHear", retention=logs.RetentionDays.ONE_WEEK),
        )
        secret.grant_read(function)
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["events:PutEvents"], resources=[bus.event_bus_arn])
        )
        function.add_function_url(auth_type=functions.FunctionUrlAuthType.NONE)
