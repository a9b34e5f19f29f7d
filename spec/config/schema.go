package config

import "github.com/hashicorp/hcl/v2"

// rootSchema is what may stand at the top level of a file.
func rootSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "fleet"},
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "locals"},
		{Type: "provider", LabelNames: []string{"type"}},
		{Type: "carrier", LabelNames: []string{"name"}},
		{Type: "card", LabelNames: []string{"name"}},
		{Type: "privacy_number", LabelNames: []string{"name"}},
		{Type: "approval", LabelNames: []string{"name"}},
		{Type: "removed"},
		{Type: "output", LabelNames: []string{"name"}},
		{Type: "package", LabelNames: []string{"id"}},
		{Type: "check", LabelNames: []string{"name"}},
	}}
}

func fleetSchema() *hcl.BodySchema {
	return &hcl.BodySchema{
		Attributes: attrs("required_version", "zone"),
		Blocks: []hcl.BlockHeaderSchema{
			{Type: "backend", LabelNames: []string{"type"}}, {Type: "policy"}, {Type: "encryption"}, {Type: "history"},
			{Type: "notify", LabelNames: []string{"type"}}, {Type: "executor", LabelNames: []string{"type"}},
			{Type: "window", LabelNames: []string{"name"}}, {Type: "schedule", LabelNames: []string{"name"}},
		},
	}
}

func executorSchema() *hcl.BodySchema { return &hcl.BodySchema{Attributes: attrs("accounts")} }

func windowSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: required(attrs("kinds", "cron", "length", "zone"), "kinds", "cron", "length")}
}

func scheduleSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: required(attrs("cron", "zone"), "cron")}
}

func historySchema() *hcl.BodySchema { return &hcl.BodySchema{Attributes: attrs("keep")} }

func encryptionSchema() *hcl.BodySchema {
	return &hcl.BodySchema{
		Attributes: attrs("recipients", "identities", "passphrase", "enforced"),
		Blocks:     []hcl.BlockHeaderSchema{{Type: "previous"}},
	}
}

func previousSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: attrs("identities", "passphrase")}
}

func policySchema() *hcl.BodySchema {
	return &hcl.BodySchema{
		Attributes: attrs("guard", "on_remove", "required_approvals", "allowed_signers", "approval_max_age"),
		Blocks:     []hcl.BlockHeaderSchema{{Type: "limit", LabelNames: []string{"kind"}}},
	}
}

func limitSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: attrs("count", "percent", "provider")}
}

func cardSchema() *hcl.BodySchema {
	return &hcl.BodySchema{
		Attributes: required(attrs("iccid", "imei", "bound", "active", "packages", "current_imei", "msisdn", "labels",
			"shared_imei", "provider", "for_each", "from_csv", "allow_empty"), "iccid"),
		Blocks: []hcl.BlockHeaderSchema{{Type: "lifecycle"}},
	}
}

func lifecycleSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: attrs("prevent_unbind", "ignore_changes")}
}

func numberSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: required(
		attrs("provider", "pool_key", "subs_id", "call_no", "number"), "pool_key", "subs_id")}
}

func approvalSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: required(
		attrs("action", "cards", "from_csv", "reason", "expires"), "action")}
}

func removedSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: required(attrs("iccids"), "iccids")}
}

func packageSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: required(attrs("provider", "price", "currency", "per"), "price", "currency", "per")}
}

func outputSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: required(attrs("value", "sensitive", "description"), "value")}
}

func checkSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: required(attrs("condition", "error_message", "severity"), "condition", "error_message")}
}

func attrs(names ...string) []hcl.AttributeSchema {
	list := make([]hcl.AttributeSchema, len(names))
	for i, n := range names {
		list[i].Name = n
	}
	return list
}

func required(list []hcl.AttributeSchema, names ...string) []hcl.AttributeSchema {
	for i := range list {
		for _, n := range names {
			list[i].Required = list[i].Required || list[i].Name == n
		}
	}
	return list
}
