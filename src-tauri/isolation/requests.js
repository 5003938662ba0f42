// Generated from the application's `Request`; `cargo xtask accept` writes it anew.
"use strict";

window.SLUICE_REQUESTS = {
  "oneOf": [
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "status"
        }
      },
      "required": [
        "verb"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "add"
        },
        "provider": {
          "$ref": "#/$defs/Provider"
        },
        "label": {
          "type": [
            "string",
            "null"
          ],
          "maxLength": 50
        }
      },
      "required": [
        "verb",
        "provider"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "remove"
        },
        "account": {
          "$ref": "#/$defs/AccountId"
        }
      },
      "required": [
        "verb",
        "account"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "rename"
        },
        "account": {
          "$ref": "#/$defs/AccountId"
        },
        "label": {
          "type": "string",
          "minLength": 1,
          "maxLength": 50
        }
      },
      "required": [
        "verb",
        "account",
        "label"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "reorder"
        },
        "accounts": {
          "type": "array",
          "items": {
            "$ref": "#/$defs/AccountId"
          },
          "maxItems": 64
        }
      },
      "required": [
        "verb",
        "accounts"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "set_enabled"
        },
        "account": {
          "$ref": "#/$defs/AccountId"
        },
        "enabled": {
          "type": "boolean"
        }
      },
      "required": [
        "verb",
        "account",
        "enabled"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "set_automatic"
        },
        "account": {
          "$ref": "#/$defs/AccountId"
        },
        "automatic": {
          "type": "boolean"
        }
      },
      "required": [
        "verb",
        "account",
        "automatic"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "set_resets"
        },
        "account": {
          "$ref": "#/$defs/AccountId"
        },
        "count": {
          "type": [
            "integer",
            "null"
          ],
          "format": "uint32",
          "minimum": 0,
          "maximum": 1000
        },
        "until_ms": {
          "type": [
            "integer",
            "null"
          ],
          "format": "int64"
        }
      },
      "required": [
        "verb",
        "account"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "swap"
        },
        "to": {
          "$ref": "#/$defs/AccountId"
        }
      },
      "required": [
        "verb",
        "to"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "point_lane"
        },
        "lane": {
          "$ref": "#/$defs/LaneId"
        },
        "to": {
          "anyOf": [
            {
              "$ref": "#/$defs/AccountId"
            },
            {
              "type": "null"
            }
          ]
        },
        "expected_generation": {
          "anyOf": [
            {
              "$ref": "#/$defs/Generation"
            },
            {
              "type": "null"
            }
          ]
        }
      },
      "required": [
        "verb",
        "lane"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "set_lane_automatic"
        },
        "lane": {
          "$ref": "#/$defs/LaneId"
        },
        "automatic": {
          "type": "boolean"
        }
      },
      "required": [
        "verb",
        "lane",
        "automatic"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "set_cap"
        },
        "provider": {
          "$ref": "#/$defs/Provider"
        },
        "account": {
          "anyOf": [
            {
              "$ref": "#/$defs/AccountId"
            },
            {
              "type": "null"
            }
          ]
        },
        "ceilings": {
          "$ref": "#/$defs/Ceilings"
        }
      },
      "required": [
        "verb",
        "provider",
        "ceilings"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "reconcile"
        },
        "apply": {
          "type": "boolean"
        }
      },
      "required": [
        "verb",
        "apply"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "release"
        },
        "execution": {
          "type": "string",
          "maxLength": 200
        }
      },
      "required": [
        "verb",
        "execution"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "look_at_runs"
        }
      },
      "required": [
        "verb"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "pause"
        },
        "provider": {
          "anyOf": [
            {
              "$ref": "#/$defs/Provider"
            },
            {
              "type": "null"
            }
          ]
        },
        "until_ms": {
          "type": "integer",
          "format": "int64"
        }
      },
      "required": [
        "verb",
        "until_ms"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "resume"
        },
        "provider": {
          "anyOf": [
            {
              "$ref": "#/$defs/Provider"
            },
            {
              "type": "null"
            }
          ]
        }
      },
      "required": [
        "verb"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "set_mode"
        },
        "provider": {
          "$ref": "#/$defs/Provider"
        },
        "mode": {
          "$ref": "#/$defs/Mode"
        }
      },
      "required": [
        "verb",
        "provider",
        "mode"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "stop"
        }
      },
      "required": [
        "verb"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "start"
        }
      },
      "required": [
        "verb"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "refresh"
        },
        "account": {
          "anyOf": [
            {
              "$ref": "#/$defs/AccountId"
            },
            {
              "type": "null"
            }
          ]
        }
      },
      "required": [
        "verb"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "read_usage"
        },
        "account": {
          "$ref": "#/$defs/AccountId"
        }
      },
      "required": [
        "verb",
        "account"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "validate"
        },
        "account": {
          "$ref": "#/$defs/AccountId"
        }
      },
      "required": [
        "verb",
        "account"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "read_all"
        }
      },
      "required": [
        "verb"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "restart_tool"
        },
        "provider": {
          "$ref": "#/$defs/Provider"
        }
      },
      "required": [
        "verb",
        "provider"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "decisions"
        },
        "limit": {
          "type": "integer",
          "format": "uint32",
          "minimum": 1,
          "maximum": 1000
        },
        "before": {
          "type": [
            "integer",
            "null"
          ],
          "format": "int64"
        },
        "only": {
          "$ref": "#/$defs/DecisionFilter"
        }
      },
      "required": [
        "verb",
        "limit"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "swaps"
        },
        "limit": {
          "type": "integer",
          "format": "uint32",
          "minimum": 1,
          "maximum": 1000
        }
      },
      "required": [
        "verb",
        "limit"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "history"
        },
        "account": {
          "$ref": "#/$defs/AccountId"
        },
        "since_ms": {
          "type": "integer",
          "format": "int64"
        }
      },
      "required": [
        "verb",
        "account",
        "since_ms"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "stranded"
        },
        "since_ms": {
          "type": "integer",
          "format": "int64"
        }
      },
      "required": [
        "verb",
        "since_ms"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "replay"
        },
        "since_ms": {
          "type": "integer",
          "format": "int64"
        },
        "policy": {
          "$ref": "#/$defs/RuleSet"
        }
      },
      "required": [
        "verb",
        "since_ms",
        "policy"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "settings"
        }
      },
      "required": [
        "verb"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "set"
        },
        "key": {
          "type": "string",
          "maxLength": 64
        },
        "value": {}
      },
      "required": [
        "verb",
        "key",
        "value"
      ]
    },
    {
      "type": "object",
      "properties": {
        "verb": {
          "type": "string",
          "const": "snooze"
        },
        "cause": {
          "type": "string",
          "maxLength": 100
        },
        "until_ms": {
          "type": "integer",
          "format": "int64"
        }
      },
      "required": [
        "verb",
        "cause",
        "until_ms"
      ]
    }
  ],
  "$defs": {
    "Provider": {
      "oneOf": [
        {
          "type": "string",
          "const": "claude"
        },
        {
          "type": "string",
          "const": "codex"
        }
      ]
    },
    "AccountId": {
      "type": "integer",
      "format": "int64"
    },
    "Generation": {
      "type": "integer",
      "format": "uint64",
      "minimum": 0
    },
    "LaneId": {
      "type": "integer",
      "format": "int64"
    },
    "Ceilings": {
      "type": "object",
      "properties": {
        "concurrent": {
          "type": [
            "integer",
            "null"
          ],
          "format": "uint32",
          "minimum": 0
        },
        "per_hour": {
          "type": [
            "integer",
            "null"
          ],
          "format": "uint32",
          "minimum": 0
        },
        "per_day": {
          "type": [
            "integer",
            "null"
          ],
          "format": "uint32",
          "minimum": 0
        }
      }
    },
    "Mode": {
      "oneOf": [
        {
          "type": "string",
          "const": "off"
        },
        {
          "type": "string",
          "const": "advise"
        },
        {
          "type": "string",
          "const": "auto"
        }
      ]
    },
    "DecisionFilter": {
      "type": "object",
      "properties": {
        "trigger": {
          "anyOf": [
            {
              "$ref": "#/$defs/Trigger"
            },
            {
              "type": "null"
            }
          ]
        },
        "action": {
          "anyOf": [
            {
              "$ref": "#/$defs/DecisionAction"
            },
            {
              "type": "null"
            }
          ]
        },
        "account": {
          "anyOf": [
            {
              "$ref": "#/$defs/AccountId"
            },
            {
              "type": "null"
            }
          ]
        }
      }
    },
    "Trigger": {
      "oneOf": [
        {
          "type": "string",
          "const": "tick"
        },
        {
          "type": "string",
          "const": "emergence_pending"
        },
        {
          "type": "string",
          "const": "residency_blocked"
        },
        {
          "type": "string",
          "const": "cooldown_blocked"
        },
        {
          "type": "string",
          "const": "no_target"
        },
        {
          "type": "string",
          "const": "swap_aborted"
        },
        {
          "type": "string",
          "const": "higher_tier_emerged"
        },
        {
          "type": "string",
          "const": "intra_tier_preempted"
        },
        {
          "type": "string",
          "const": "tier_drained"
        },
        {
          "type": "string",
          "const": "forced_critical"
        },
        {
          "type": "string",
          "const": "burn_rate"
        },
        {
          "type": "string",
          "const": "failure_reported"
        },
        {
          "type": "string",
          "const": "manual"
        },
        {
          "type": "string",
          "const": "plan_improved"
        },
        {
          "type": "string",
          "const": "other"
        }
      ]
    },
    "DecisionAction": {
      "oneOf": [
        {
          "type": "string",
          "const": "stay"
        },
        {
          "type": "string",
          "const": "swap"
        },
        {
          "type": "string",
          "const": "advise"
        },
        {
          "type": "string",
          "const": "other"
        }
      ]
    },
    "RuleSet": {
      "oneOf": [
        {
          "type": "string",
          "const": "horizon"
        },
        {
          "type": "string",
          "const": "tiered"
        },
        {
          "type": "string",
          "const": "threshold"
        },
        {
          "type": "string",
          "const": "edf"
        },
        {
          "type": "string",
          "const": "react429"
        },
        {
          "type": "string",
          "const": "none"
        },
        {
          "type": "string",
          "const": "other"
        }
      ]
    }
  }
};
