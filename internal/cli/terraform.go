package cli

import "strings"

// terraformCommand says what there is here in the place of a command of Terraform's,
// whose words people type; "" for no such command.
func terraformCommand(path []string) string {
	switch strings.Join(path, " ") {
	case "destroy":
		return "A card isn't destroyed. To end service, take cards out of the configuration: the policy's on_remove says whether they are unbound, which needs an approval, stopped or forgotten, and cardfleet plan shows it. A removed block stops managing cards without touching them."
	case "taint", "untaint":
		return "A card is never made anew, so none is marked for that. cardfleet plan reads it and shows what differs; cardfleet resolve settles one whose last call's outcome is unknown."
	case "workspace", "env":
		return "There are no workspaces: a folder with its own state is a fleet. For several that are alike, set the backend's settings from variables, or work with -chdir=DIR."
	case "moved", "state mv":
		return "Nothing has to be moved in the state: a card is its ICCID, so renaming its block, its key or its file plans nothing, and another provider block is a move that cardfleet plan shows."
	case "state replace-provider":
		return "Write the new provider block at the cards: cardfleet plan then shows them as moved, with all that the state remembers."
	case "graph":
		return "cardfleet show -graph PLANFILE writes the order of a saved plan's actions, as a Mermaid flowchart."
	case "refresh":
		return "cardfleet plan -refresh-only shows what changed outside, and cardfleet apply -refresh-only takes it into the state."
	case "get", "modules":
		return "There are no modules to fetch: every *.fleet.hcl of the folder is the configuration, and there is nothing to install."
	case "login", "logout":
		return "There is nothing to log in to: credentials are environment variables, or env(\"NAME\") in the configuration. docs/providers and docs/backends.md name them."
	case "unlock":
		return "cardfleet force-unlock LOCKID removes a lock that a dead run left; the message about the lock has the ID."
	case "metadata":
		return "cardfleet -h lists the commands, cardfleet providers what each carrier can do, and docs/schema describes what -json writes."
	case "pull", "push", "list", "mv", "rm":
		return "cardfleet state " + strings.Replace(path[0], "mv", "list", 1) + " is what looks into and mends the state. See cardfleet state -h."
	default:
		return ""
	}
}

// terraformOption says what there is in the place of an option of Terraform's; ""
// for no such option.
func terraformOption(path []string, name string) string {
	switch command := path[len(path)-1]; name {
	case "destroy":
		return "A card isn't destroyed: take it out of the configuration, and the policy's on_remove says what becomes of it."
	case "replace":
		return "A card is never made anew. To give it another device, write its imei; to try again what a run didn't get done, plan -retry=REPORT."
	case "input":
		return "Without a terminal nothing is asked: apply then takes a saved plan or -auto-approve. Leave -input out."
	case "generate-config-out":
		return "cardfleet import -out=FILE writes the configuration for cards that exist at the carrier."
	case "upgrade", "reconfigure", "get", "plugin-dir", "lockfile", "get-plugins":
		return "Carriers come with the program, so nothing is installed or updated. Leave -" + name + " out."
	case "migrate-state", "force-copy":
		return "cardfleet state migrate OLDCONFIGDIR copies a state to the backend that the configuration names now."
	case "backend-config":
		return "A backend's settings stand in its block, and may be variables, which -var, -var-file and CARDFLEET_VAR_name set."
	case "backend":
		return "Only the commands that need the state open it: " + command + " has no -backend."
	case "state", "state-out", "backup":
		return "Where the state is, the backend block says, and its history keeps older ones. Leave -" + name + " out."
	case "compact-warnings", "concise", "lock-file":
		return "There is no -" + name + ". -json has everything in a form for programs."
	case "recursive":
		return "A folder is a fleet, without those in it. Run " + command + " in each, with -chdir=DIR."
	default:
		return ""
	}
}
