#!/usr/bin/python
# Copyright (c) Mobius contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_notify
short_description: Notify people of a deployment
version_added: 1.0.0
description:
  - Sends one message to webhooks (generic JSON, Slack, Teams, Discord, Mattermost, Google Chat) and by email (SMTP).
  - A channel that fails is reported in the result and in a warning, and does not fail the task. If a proxy of the
    environment was used, the reason names it.
  - Secrets are masked in the message, those of the channels themselves included.
  - A message that is too long for a channel loses lines at its end until the finished document fits, and states how
    many; text is cut before facts. Mail is sent in 7-bit encodings only.
  - A message is not managed state, so the module never reports a change.
options:
  event:
    description: Kind of message.
    type: str
    choices: [start, success, failure, rollback, monitoring]
    required: true
  subject:
    description: One line; longer than 200 characters is cut.
    type: str
    required: true
  text:
    description: More lines, of at most 2,000 characters each.
    type: str
    default: ""
  facts:
    description: Names and values, such as the deployment and its hosts.
    type: dict
    default: {}
  timeout:
    description: Time limit for one channel, in seconds.
    type: float
    default: 10.0
  channels:
    description: Where to send it, in this order.
    type: list
    elements: dict
    default: []
    suboptions:
      type:
        description: V(webhook) posts generic JSON; the chat services get what their incoming webhooks accept.
        type: str
        choices: [webhook, slack, teams, discord, mattermost, google_chat, email]
        required: true
      name:
        description: Name in results and warnings; type and number when omitted.
        type: str
      events:
        description: Events to send; all when empty.
        type: list
        elements: str
        choices: [start, success, failure, rollback, monitoring]
        default: []
      url:
        description: URL of a webhook. It counts as a secret and is never shown.
        type: str
      max_size:
        description:
          - Largest message that the webhook accepts - bytes of the finished document for V(webhook) (28,000 when
            omitted) and V(teams) (28,000), characters for V(slack) (40,000 in sections of 3,000), V(mattermost)
            (16,000), V(google_chat) (4,000) and V(discord) (2,000).
        type: int
      headers:
        description: Headers sent to a webhook. Their values are never shown.
        type: dict
        default: {}
      use_proxy:
        description: Whether to use the proxies of the environment for a webhook.
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
        description: Sender address of mail.
        type: str
      to:
        description: Recipient addresses of mail.
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
        description: Whether the certificate must be valid.
        type: bool
        default: true
      ca_path:
        description: PEM file with the authorities to trust instead of the host's.
        type: path
extends_documentation_fragment:
  - mobius.dhash.attributes
attributes:
  check_mode:
    support: full
    description: Sends nothing and lists the channels.
  diff_mode:
    support: N/A
    description: Never changes anything.
author:
  - Mobius contributors (@mobius-dhash)
"""

EXAMPLES = r"""
- name: Notify the channel and the people on call
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
  description: For each channel, whether the message was sent, and if not, why.
  returned: always
  type: list
  elements: dict
  sample: [{"channel": "slack 1", "sent": true, "reason": ""}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mobius.dhash.plugins.module_utils.ansible import finish
from ansible_collections.mobius.dhash.plugins.module_utils.clock import timestamp
from ansible_collections.mobius.dhash.plugins.module_utils.notify.message import Message
from ansible_collections.mobius.dhash.plugins.module_utils.notify.send import notify, secrets_of

EVENTS = ["start", "success", "failure", "rollback", "monitoring"]
KINDS = ["webhook", "slack", "teams", "discord", "mattermost", "google_chat", "email"]
CHANNEL = dict(
    type=dict(type="str", choices=KINDS, required=True),
    name=dict(type="str"),
    events=dict(type="list", elements="str", choices=EVENTS, default=[]),
    url=dict(type="str", no_log=True),
    max_size=dict(type="int"),
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
    secrets = secrets_of(given["channels"])
    message = Message.of(given["event"], given["subject"], given["text"], timestamp(), given["facts"], secrets)
    finish(
        module,
        lambda: notify(message, given["channels"], timeout=given["timeout"], check_mode=module.check_mode),
    )


if __name__ == "__main__":
    main()
