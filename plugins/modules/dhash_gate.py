#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: dhash_gate
short_description: Judge the health and the metrics of a service
version_added: 1.0.0
description:
  - Requests a health URL, and a metrics URL where one is given, at intervals and judges the responses.
  - B(pass) - the last O(consecutive) samples were OK and the watch lasted at least O(duration) seconds.
  - B(fail) - a limit was exceeded, or the O(window) ended without a pass and something had failed.
  - B(inconclusive) - the window ended and nothing had failed, but something that was requested had not been measured.
    The gate never passes without measurements.
  - A sample is OK when the HTTP status of health is one of O(health_status_codes), its body does not contradict that
    (see O(health_words)), and, with O(metrics_url), all four metrics are present and are numbers. A metric that is
    C(NaN), negative or not a number is bad; one that is absent or null is missing.
  - Redirects are not followed; a redirect is not OK. Proxies of the environment are ignored unless O(use_proxy).
  - Every limit is strict - a value equal to its limit is fine. A limit that could never be exceeded is rejected.
options:
  health_url:
    description:
      - URL of the health endpoint, as seen from where the module runs. A C(user:password@) in it is sent as basic
        authentication and masked in all output, as are query values and opaque parts of the path.
    type: str
    required: true
  health_status_codes:
    description:
      - HTTP statuses of the health endpoint that are OK, such as C(200), C(204), C(200-299) or C(2xx). C(200) when
        omitted or empty.
    type: list
    elements: str
  health_words:
    description:
      - Words, in any case, that the status in the body of the health response may have. They replace the defaults,
        which are C(healthy), C(ok), C(okay), C(up), C(pass), C(passed), C(passing), C(green), C(alive), C(ready),
        C(running), C(success), C(successful), C(good), C(live), C(online), C(available), C(active), C(operational),
        C(serving), C(true) and C(yes).
      - The status is the member C(status) of a JSON object, in which an HTTP status from O(health_status_codes) or
        C(true) is OK as well. The members C(state), C(health), C(healthy), C(ok), C(success), C(result),
        C(condition), C(overall), C(up), C(ready) and C(alive), and a body that is a single word, fail a sample only
        when they are clearly unhealthy, such as C(false) or C(down). For other bodies the HTTP status decides.
    type: list
    elements: str
  metrics_url:
    description:
      - URL of the metrics, as JSON (flat, or nested such as C(performance.avg_hash_time)), Prometheus text or
        OpenMetrics.
    type: str
  consecutive:
    description: OK samples in a row, at the end of the watch, that a pass requires.
    type: int
    default: 3
  interval:
    description: Seconds from the start of one sample to the start of the next.
    type: float
    default: 2.0
  slow_after:
    description: Seconds after which O(slow_interval) replaces O(interval); 0 for never.
    type: float
    default: 0.0
  slow_interval:
    description: Seconds from sample to sample after O(slow_after).
    type: float
    default: 120.0
  duration:
    description: Minimum length of the watch before it can pass, in seconds.
    type: float
    default: 0.0
  window:
    description: Maximum length of the watch, in seconds.
    type: float
    default: 60.0
  timeout:
    description: Time limit for one request, from connecting to the last byte, in seconds.
    type: float
    default: 5.0
  limits:
    description:
      - The maximum of each metric, among C(avg_hash_time) (ms), C(p95_hash_time) (ms),
        C(extraction_failures_rate) (%) and C(low_confidence_queue_length).
      - The role C(monitor) sets 50 ms, 200 ms and 5 %.
    type: dict
    default: {}
  over:
    description:
      - Seconds, by metric, over which the mean is compared with its limit; without it, each single value is.
      - A mean of fewer than three values is judged only at the end of the watch.
    type: dict
    default: {}
  baseline:
    description:
      - Length of the review queue before the deployment. The queue may not be more than O(spike_absolute) items
        B(and) more than O(spike_relative) of itself longer.
    type: float
  spike_absolute:
    description: Items that the review queue may grow by.
    type: float
    default: 10.0
  spike_relative:
    description: Fraction of itself that the review queue may grow by; 0.5 is half.
    type: float
    default: 0.5
  failures_in_a_row:
    description:
      - The watch fails as soon as more samples than this fail in a row (not OK, no response or an invalid one).
      - Without it only the end of the window decides, which gives a service time to start.
    type: int
  unreachable_in_all:
    description: The watch fails as soon as more samples than this, in total, got no response.
    type: int
  bad_in_all:
    description: The watch fails as soon as more samples than this, in total, got an invalid response.
    type: int
  metric_paths:
    description:
      - Where a metric is when it does not have its own name, such as C(avg_hash_time=timing.mean), or the name of a
        Prometheus metric.
    type: dict
    default: {}
    aliases: [figures]
  note_from:
    description:
      - Take no sample. Note the options for the watch of a fleet run by M(mobius.dhash.rollout_watch), which samples on
        the host or on the controller. Handled on the controller.
    type: str
    choices: [host, controller]
  on_inconclusive:
    description: Whether an inconclusive end fails the task or is left to the caller.
    type: str
    choices: [fail, hold]
    default: fail
  progress:
    description:
      - Show each sample as soon as it is taken, as a row of a table at a terminal and as a plain line elsewhere.
      - The watch then runs on the controller and calls the module once per sample, so that it survives a lost
        connection; a host that cannot be reached for a sample counts as unreachable.
    type: bool
    default: false
  headers:
    description: Headers sent with each request. Their values are masked in all output.
    type: dict
    default: {}
  url_username:
    description: User for basic authentication.
    type: str
  url_password:
    description: Password for basic authentication.
    type: str
  validate_certs:
    description: Whether the certificate of an https URL must be valid.
    type: bool
    default: true
  ca_path:
    description: PEM file with the authorities to trust instead of the host's.
    type: path
  client_cert:
    description: PEM file with the client certificate, and optionally its key.
    type: path
  client_key:
    description: PEM file with the key of O(client_cert).
    type: path
  use_proxy:
    description: Whether to use the proxies of the environment. An error that went through one names it.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Takes one sample, reports it, and does not fail whatever it found. Never changes anything.
extends_documentation_fragment:
  - mobius.dhash.attributes.info
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Require three OK samples in a row within a minute
  mobius.dhash.dhash_gate:
    health_url: http://127.0.0.1:5001/health
    metrics_url: http://127.0.0.1:5001/metrics/dhash

- name: Watch for half an hour with the limits of the guide
  mobius.dhash.dhash_gate:
    health_url: http://127.0.0.1:5001/health
    metrics_url: http://127.0.0.1:5001/metrics/dhash
    interval: 30
    slow_after: 300
    slow_interval: 120
    duration: 1800
    window: 2400
    failures_in_a_row: 2
    baseline: 4
    limits:
      avg_hash_time: 50
      p95_hash_time: 200
      extraction_failures_rate: 5
    over:
      p95_hash_time: 900
      extraction_failures_rate: 600

- name: Accept any 2xx and a service that reports itself as degraded
  mobius.dhash.dhash_gate:
    health_url: http://127.0.0.1:8080/actuator/health
    health_status_codes: [2xx]
    health_words: [up, degraded]

- name: Check from the controller, with a token
  mobius.dhash.dhash_gate:
    health_url: "https://{{ inventory_hostname }}/health"
    headers:
      Authorization: "Bearer {{ mobius_token }}"
  delegate_to: localhost
"""

RETURN = r"""
result:
  description: V(pass), V(fail) or V(inconclusive).
  returned: always
  type: str
  sample: pass
reasons:
  description: Why.
  returned: always
  type: list
  elements: str
  sample: ["the last 3 of 3 samples were OK"]
counts:
  description:
    - Number of C(samples), and of those that were C(ok), C(not_ok), C(unreachable), C(bad) or had a metric C(missing).
  returned: always
  type: dict
  sample: {"samples": 3, "ok": 3, "not_ok": 0, "unreachable": 0, "bad": 0, "missing": 0}
metrics:
  description:
    - For each metric its C(worst) and C(last) value with C(unit), and where there is one its C(limit) and the C(margin)
      below it.
  returned: always
  type: dict
  sample: {"avg_hash_time": {"worst": 1.2, "last": 1.2, "unit": "ms", "limit": 50.0, "over": 0.0, "margin": 48.8}}
summary:
  description: The number of samples, and the worst value and margin of each metric, as lines of text.
  returned: always
  type: list
  elements: str
  sample: ["3 samples: 3 ok", "avg_hash_time: worst 1.2 ms, limit 50, margin 48.8"]
samples:
  description: The samples; of more than 200 the first 50 and the last 150.
  returned: always
  type: list
  elements: dict
  sample:
    - at: "2024-09-24T16:00:00Z"
      elapsed: 0.0
      ok: true
      health: ok
      metrics: ok
      values: {"avg_hash_time": 1.2}
      bad: []
      missing: []
      notes: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.gate.plan import is_failure, run
from ansible_collections.mobius.dhash.plugins.module_utils.text import configured_secrets

SPEC = {
    "health_url": {"type": "str", "required": True},
    "health_status_codes": {"type": "list", "elements": "str"},
    "health_words": {"type": "list", "elements": "str"},
    "metrics_url": {"type": "str"},
    "consecutive": {"type": "int", "default": 3},
    "interval": {"type": "float", "default": 2.0},
    "slow_after": {"type": "float", "default": 0.0},
    "slow_interval": {"type": "float", "default": 120.0},
    "duration": {"type": "float", "default": 0.0},
    "window": {"type": "float", "default": 60.0},
    "timeout": {"type": "float", "default": 5.0},
    "limits": {"type": "dict", "default": {}},
    "over": {"type": "dict", "default": {}},
    "baseline": {"type": "float"},
    "spike_absolute": {"type": "float", "default": 10.0},
    "spike_relative": {"type": "float", "default": 0.5},
    "failures_in_a_row": {"type": "int"},
    "unreachable_in_all": {"type": "int"},
    "bad_in_all": {"type": "int"},
    "metric_paths": {"type": "dict", "default": {}, "aliases": ["figures"]},
    "note_from": {"type": "str", "choices": ["host", "controller"]},
    "on_inconclusive": {"type": "str", "choices": ["fail", "hold"], "default": "fail"},
    "progress": {"type": "bool", "default": False},
    "headers": {"type": "dict", "default": {}, "no_log": True},
    "url_username": {"type": "str"},
    "url_password": {"type": "str", "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "use_proxy": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True, required_by={"client_key": "client_cert"})

    def gate():
        # Ansible masks whole options, and of a URL only parts are secret. Short ones would mask ordinary words.
        secrets = configured_secrets(module.params["health_url"], module.params["metrics_url"])
        module.no_log_values.update(secret for secret in secrets if len(secret) >= 4)
        result = run(module.params, module.check_mode)
        if is_failure(result["result"], module.params["on_inconclusive"]) and not module.check_mode:
            return {**result, "failed": True}
        return result

    finish(module, gate)


if __name__ == "__main__":
    main()
