"""Ray Serve's replicas and routers; latencies are in milliseconds. Of a renamed metric, the newest name is first.

Failed health checks are left out: the controller counts them, so the head would carry the failures of all replicas.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, either, first_of, gauge, quantiles, rate
from cluster.signals import SERVING

_REQUESTS = rate("ray_serve_deployment_request_counter_total")
_ERRORS = rate("ray_serve_deployment_error_counter_total")
_ONGOING = ("ray_serve_replica_num_ongoing_requests", "ray_serve_replica_processing_queries")
_QUEUED = ("ray_serve_router_num_queued_requests", "ray_serve_deployment_queued_queries")

SPELLINGS = (
    Spelling(
        "ray_serve",
        (
            Rule("request_rate", _REQUESTS, SERVING),
            Rule("error_rate", f"{_ERRORS} or 0 * {_REQUESTS}", SERVING),
            *quantiles("latency", first_of("ray_serve_deployment_processing_latency_ms"), SERVING, scale=1e-3),
            Rule("running_requests", either(*map(gauge, _ONGOING)), SERVING),
            Rule("router_queue", either(*map(gauge, _QUEUED)), SERVING),
        ),
        unread=(
            "ray_serve_actual_batch_size",
            "ray_serve_application_status",
            "ray_serve_autoscaling_*",
            "ray_serve_batch_*",
            "ray_serve_batches_processed",
            "ray_serve_controller_*",
            "ray_serve_deployment_max_processing_latency_ms",
            "ray_serve_deployment_replica_healthy",
            "ray_serve_deployment_replica_starts",
            "ray_serve_deployment_status",
            "ray_serve_event_*",
            "ray_serve_handle_request_counter",
            "ray_serve_haproxy_*",
            "ray_serve_health_check_failures",
            "ray_serve_health_check_latency_ms",
            "ray_serve_long_*",
            "ray_serve_multiplexed_*",
            "ray_serve_num_*",
            "ray_serve_proxy_shutdown_duration_ms",
            "ray_serve_proxy_status",
            "ray_serve_record_autoscaling_stats_failed",
            "ray_serve_registered_multiplexed_model_id",
            "ray_serve_replica_initialization_latency_ms",
            "ray_serve_replica_pending_queries",
            "ray_serve_replica_reconfigure_latency_ms",
            "ray_serve_replica_shutdown_duration_ms",
            "ray_serve_replica_startup_latency_ms",
            "ray_serve_replica_utilization_percent",
            "ray_serve_request_router_fulfillment_time_ms",
            "ray_serve_request_router_queue_len",
            "ray_serve_reserved_slots_active",
            "ray_serve_router_args_resolution_latency_ms",
            "ray_serve_routing_stats_delay_ms",
            "ray_serve_routing_stats_error",
            "ray_serve_user_autoscaling_stats_latency_ms",
        ),
    ),
)
