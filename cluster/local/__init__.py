"""The embedded deployment: NGINX, Ray Serve on four Ray nodes, an LLM in each, Prometheus and a load, on this machine.

`cluster.local.lifecycle` starts and ends it (`up`, `status`, `down`), `cluster.local.deployment.LocalDeployment` reads
it and reaches into its pods. Nothing here imports Ray or an engine except what runs inside a pod.

**Shape.** One sandbox (user, network, mount and PID namespace; no user namespace for root) holds six pods, each a
network namespace with a data link `eth0` (10.77.0.0/24) and a management link `eth1` (10.78.0.0/24): `gateway` .2,
`client` .3 (the load generator), `head` .10, `replica-0` .11, `replica-1` .12, `replica-2` .13. Requests and Ray use
the data link, Prometheus scrapes over the management link. Component `node` is this machine. Outside, the gateway is
http://127.0.0.1:18000 and Prometheus http://127.0.0.1:18090 (or the next free ports; see `LocalState`).

**Files**, below `RUN = paths.local() / "run"`, emptied at the next start. Every line is one JSON object; text in it
came from outside and is hostile.

`RUN/COMPONENT/spans.jsonl` (gateway, head, replica-*), one span a line::

    {"trace_id": 32 hex, "span_id": 16 hex, "parent_id": 16 hex or null, "component": str, "operation": str,
     "start": unix seconds, "duration": seconds, "error": bool, "attributes": {name: str | int | float | bool}}

One trace a request. Its `operation`s, outermost first: `gateway request` (gateway; the root) → `proxy_http_request …`
→ `route_to_replica …` → `replica_handle_request …` → `engine generate` → `engine queue`, `engine prefill`, `engine
decode` (all of the pod that did the work; where the engine does not measure its prefill, the first two are one `engine
queue and prefill`). Attributes: OpenTelemetry's names (`http.*`, `gen_ai.*`, `service.name`, `service.instance.id`,
`error.type`) beside Ray's.

`RUN/gateway/access.log`, one request a line, all values strings ("" or "-" for none)::

    {"time": unix seconds, "component": "gateway", "request_id": 32 hex (the trace id), "method", "uri", "status",
     "request_time": s, "bytes_sent", "request_length", "upstream": component id, "upstream_addr", "upstream_status",
     "upstream_connect_time": s, "upstream_header_time": s (first token), "upstream_response_time": s, "client"}

`RUN/gateway/error.log` is NGINX's own text: `2026/01/31 23:59:59 [error] 12#12: …` (local time).

`RUN/COMPONENT/engine.log` (head, replica-*)::

    {"time": unix seconds, "component", "severity": "INFO" | "WARNING" | "ERROR", "message", and for a request
     "request_id", "trace_id", "seconds", "ttft": s or null, "completion_tokens", "prompt_tokens" or null}

`RUN/COMPONENT/ray/session_2*/logs/serve/*.log` (head, replica-*; glob so, `session_latest` dangles outside the pod):
Ray Serve's `proxy_*.log`, `replica_*.log` and on the head `controller_*.log`::

    {"asctime", "levelname", "message", "timestamp_ns": unix nanoseconds, "component_name": "proxy" | "replica" | …,
     "request_id", "exc_text" for errors, …}

The component is the folder. A replica that Serve restarts writes a new file.

`RUN/health.json`: `{"time", "phase", "programs": {NAME: {"alive": bool, "pid", "restarts", "exit_code"}}, "phases"}`,
rewritten twice a second by the supervisor. Output of each program: `RUN/output/NAME.log`.

**Metrics.** All series have the label `component`; counters end in `_total`, histograms are classic buckets.

- job `exporter` (every second), pods gateway, head, replica-*: `pod_cpu_usage_seconds_total`,
  `pod_cpu_throttled_seconds_total`, `pod_cpu_periods_total`, `pod_cpu_throttled_periods_total`, `pod_cpu_limit_cores`
  (these four only with cgroups), `pod_memory_working_set_bytes`, `pod_processes`, and with label `link` = `eth0`
  (data) | `eth1` (management): `pod_network_{receive,transmit}_{bytes,packets,drops}_total`.
- job `exporter`, component `node`: `node_cpu_seconds_total{mode}`, `node_memory_MemTotal_bytes`,
  `node_memory_MemAvailable_bytes`, `node_load1`.
- job `exporter`, component `gateway`, label `upstream` = component id, "" when no pod was reached:
  `gateway_upstream_requests_total{status}`, `gateway_upstream_errors_total` (5xx, and 499: the client gave up),
  histograms `gateway_request_duration_seconds`, `gateway_upstream_header_seconds`,
  `gateway_upstream_connect_seconds`; `gateway_connections{state="active" | "reading" | "writing" | "waiting"}`
  without upstream.
- job `ray`, component = the pod, the same for every engine: histograms `ray_llm_time_to_first_token_seconds`,
  `ray_llm_time_per_output_token_seconds` (between two tokens), `ray_llm_request_duration_seconds`,
  `ray_llm_request_queue_seconds`; counters `ray_llm_requests_total{outcome="ok" | "error" | "refused" |
  "cancelled"}`, `ray_llm_prompt_tokens_total`, `ray_llm_generated_tokens_total`; gauges `ray_llm_requests_in_flight`,
  `ray_llm_requests_running` (hold a slot), `ray_llm_requests_waiting` (for a slot), `ray_llm_slots`,
  `ray_llm_kv_cache_usage_ratio` (only where the engine tells). Beside them `ray_serve_*`, `ray_node_*`,
  `ray_component_*`.
- job `engine`, component = the pod: the engine's own names (`llamacpp:*`).
- job `client`, component `client`, label `upstream` = the pod that answered ("" when none did): histograms
  `client_time_to_first_token_seconds`, `client_time_per_output_token_seconds`, `client_request_duration_seconds`;
  counters `client_requests_total{outcome="ok" | "error" | "timeout"}`, `client_tokens_total`,
  `client_requests_skipped_total`; gauge `client_requests_in_flight`.
"""
