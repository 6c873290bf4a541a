#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_notify
short_description: Tell people about a deployment
version_added: 1.0.0
description:
  - Sends one message to webhooks (generic JSON, Slack, Teams) and by e-mail (SMTP).
  - A channel that fails is named in the result and in a warning, and fails nothing.
  - Secrets in URLs and in C(password=)-like words are masked in the message.
  - A message is no managed state, so the module never reports a change.
options:
  event:
    description: What is told.
    type: str
    choices: [start, success, failure, rollback, monitoring]
    required: true
  subject:
    description: One line.
    type: str
    required: true
  text:
    description: More lines.
    type: str
    default: ""
  facts:
    description: Names and values, such as the deployment and its hosts.
    type: dict
    default: {}
  timeout:
    description: Seconds that one channel may take.
    type: float
    default: 10.0
  channels:
    description: Where it is sent, in this order.
    type: list
    elements: dict
    default: []
    suboptions:
      type:
        description: V(webhook) posts generic JSON; V(slack) and V(teams) post what their incoming webhooks take.
        type: str
        choices: [webhook, slack, teams, email]
        required: true
      name:
        description: How it is called in results and warnings; its type and number when omitted.
        type: str
      events:
        description: Events that it wants; all when empty.
        type: list
        elements: str
        choices: [start, success, failure, rollback, monitoring]
        default: []
      url:
        description: URL of a webhook. It counts as a secret and is never shown.
        type: str
      headers:
        description: Headers sent to a webhook. Their values are never shown.
        type: dict
        default: {}
      use_proxy:
        description: Whether the proxies of the environment are used for a webhook.
        type: bool
        default: true
      host:
        description: SMTP server.
        type: str
      port:
        description: Port of the SMTP server; 587, 465 or 25 by O(channels[].security) when omitted.
        type: int
      security:
        description: How the SMTP connection is encrypted. A password is refused with V(none).
        type: str
        choices: [starttls, tls, none]
        default: starttls
      sender:
        description: Address that a mail comes from.
        type: str
      to:
        description: Addresses that a mail goes to.
        type: list
        elements: str
        default: []
      username:
        description: User for the SMTP server, or for basic authentication at a webhook.
        type: str
      password:
        description: Password of O(channels[].username).
        type: str
      validate_certs:
        description: Whether the certificate has to be valid.
        type: bool
        default: true
      ca_path:
        description: PEM file with the authorities to trust in place of the host's.
        type: path
extends_documentation_fragment:
  - mobius.dhash.attributes
attributes:
  check_mode:
    support: full
    description: Sends nothing and names the channels.
  diff_mode:
    support: N/A
    description: Changes nothing.
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Tell the channel and the people on call
  mobius.dhash.deployment_notify:
    event: rollback
    subject: The deployment on games-1 was rolled back
    text: avg_hash_time was 80 ms, above the limit of 50 ms
    facts:
      deployment: 20240924T160000Z-1a2b3c
    channels:
      - type: slack
        url: "{{ vault_slack_url }}"
      - type: email
        host: mail.example.org
        sender: deploy@example.org
        to: [oncall@example.org]
        username: deploy
        password: "{{ vault_mail_password }}"
        events: [failure, rollback]
  delegate_to: localhost
"""

RETURN = r"""
channels:
  description: By channel, whether it was sent, and if not why.
  returned: always
  type: list
  elements: dict
  sample: [{"channel": "slack 1", "sent": true, "reason": ""}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.clock import timestamp
from ansible_collections.mobius.dhash.plugins.module_utils.notify.message import Message
from ansible_collections.mobius.dhash.plugins.module_utils.notify.send import notify

EVENTS = ["start", "success", "failure", "rollback", "monitoring"]
CHANNEL = dict(
    type=dict(type="str", choices=["webhook", "slack", "teams", "email"], required=True),
    name=dict(type="str"),
    events=dict(type="list", elements="str", choices=EVENTS, default=[]),
    url=dict(type="str", no_log=True),
    headers=dict(type="dict", default={}, no_log=True),
    use_proxy=dict(type="bool", default=True),
    host=dict(type="str"),
    port=dict(type="int"),
    security=dict(type="str", choices=["starttls", "tls", "none"], default="starttls"),
    sender=dict(type="str"),
    to=dict(type="list", elements="str", default=[]),
    username=dict(type="str"),
    password=dict(type="str", no_log=True),
    validate_certs=dict(type="bool", default=True),
    ca_path=dict(type="path"),
)


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            event=dict(type="str", choices=EVENTS, required=True),
            subject=dict(type="str", required=True),
            text=dict(type="str", default=""),
            facts=dict(type="dict", default={}),
            timeout=dict(type="float", default=10.0),
            channels=dict(type="list", elements="dict", default=[], options=CHANNEL),
        ),
        supports_check_mode=True,
    )
    given = module.params
    message = Message.of(given["event"], given["subject"], given["text"], timestamp(), given["facts"])
    finish(
        module,
        lambda: notify(message, given["channels"], timeout=given["timeout"], check_mode=module.check_mode),
    )


if __name__ == "__main__":
    main()
