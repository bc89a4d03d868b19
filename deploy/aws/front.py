"""The way in: a load balancer with TLS that logs people in (OpenID Connect) before they see a page."""

from aws_cdk import CfnParameter, Duration, SecretValue, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as alb
from data import Data
from parts import PARTS
from services import Services

_OIDC = ("Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint")


class Front:
    """Names, certificate and login of one desk. The desk itself logs people in again, each with a role."""

    def __init__(self, stack: Stack, data: Data, services: Services) -> None:
        certificate = CfnParameter(stack, "CertificateArn", description="Certificate of both names")
        people = CfnParameter(
            stack, "AllowedNetwork", description="Network of those who may connect, as 10.0.0.0/8"
        )
        told = {
            name: CfnParameter(stack, f"Oidc{name}", description="Of the identity provider") for name in _OIDC
        }
        balancer = alb.ApplicationLoadBalancer(
            stack,
            "Front",
            vpc=data.network,
            internet_facing=True,
            drop_invalid_header_fields=True,
            deletion_protection=True,
        )
        listener = balancer.add_listener(
            "Https",
            port=443,
            open=False,
            ssl_policy=alb.SslPolicy.RECOMMENDED_TLS,
            certificates=[
                acm.Certificate.from_certificate_arn(stack, "Certificate", certificate.value_as_string)
            ],
            default_action=alb.ListenerAction.fixed_response(404),
        )
        listener.connections.allow_default_port_from(ec2.Peer.ipv4(people.value_as_string), "people")
        listener.connections.allow_to_any_ipv4(ec2.Port.tcp(443), "the identity provider")
        secret = data.secrets["oidc"].secret_arn
        for priority, (part, name) in enumerate(services.names.items(), start=1):
            target = alb.ApplicationTargetGroup(
                stack,
                f"Target{part.capitalize()}",
                vpc=data.network,
                port=PARTS[part].port,
                protocol=alb.ApplicationProtocol.HTTP,
                targets=[services.services[part]],
                deregistration_delay=Duration.seconds(30),
                health_check=alb.HealthCheck(path="/login", healthy_http_codes="200-399"),
            )
            listener.add_action(
                f"To{part.capitalize()}",
                priority=priority,
                conditions=[alb.ListenerCondition.host_headers([name.value_as_string])],
                action=alb.ListenerAction.authenticate_oidc(
                    issuer=told["Issuer"].value_as_string,
                    authorization_endpoint=told["AuthorizationEndpoint"].value_as_string,
                    token_endpoint=told["TokenEndpoint"].value_as_string,
                    user_info_endpoint=told["UserInfoEndpoint"].value_as_string,
                    client_id=SecretValue.secrets_manager(secret, json_field="client_id").unsafe_unwrap(),
                    client_secret=SecretValue.secrets_manager(secret, json_field="client_secret"),
                    session_timeout=Duration.hours(8),
                    next=alb.ListenerAction.forward([target]),
                ),
            )
