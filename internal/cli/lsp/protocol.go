package lsp

import (
	"encoding/json"

	"github.com/cardfleet/cardfleet/spec/config/editor"
)

// What of the protocol is spoken here, version 3.17. Fields that nobody reads are
// left out.

type initializeParams struct {
	Capabilities struct {
		TextDocument struct {
			Completion struct {
				CompletionItem struct {
					SnippetSupport bool `json:"snippetSupport"`
				} `json:"completionItem"`
			} `json:"completion"`
		} `json:"textDocument"`
	} `json:"capabilities"`
}

type initializeResult struct {
	Capabilities serverCapabilities `json:"capabilities"`
	ServerInfo   serverInfo         `json:"serverInfo"`
}

type serverInfo struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type serverCapabilities struct {
	PositionEncoding   string            `json:"positionEncoding"`
	TextDocumentSync   syncOptions       `json:"textDocumentSync"`
	CompletionProvider completionOptions `json:"completionProvider"`
	SignatureHelp      signatureOptions  `json:"signatureHelpProvider"`
	Hover              bool              `json:"hoverProvider"`
	Definition         bool              `json:"definitionProvider"`
	References         bool              `json:"referencesProvider"`
	Formatting         bool              `json:"documentFormattingProvider"`
	DocumentSymbol     bool              `json:"documentSymbolProvider"`
}

type syncOptions struct {
	OpenClose bool `json:"openClose"`
	Change    int  `json:"change"`
	Save      bool `json:"save"`
}

// incremental has changes sent as parts of a text.
const incremental = 2

type completionOptions struct {
	TriggerCharacters []string `json:"triggerCharacters"`
}

type signatureOptions struct {
	TriggerCharacters []string `json:"triggerCharacters"`
}

type textDocument struct {
	URI     string `json:"uri"`
	Version int    `json:"version"`
	Text    string `json:"text"`
}

type documentParams struct {
	TextDocument textDocument `json:"textDocument"`
}

type changeParams struct {
	TextDocument   textDocument    `json:"textDocument"`
	ContentChanges []editor.Change `json:"contentChanges"`
}

type positionParams struct {
	TextDocument textDocument    `json:"textDocument"`
	Position     editor.Position `json:"position"`
	Context      struct {
		IncludeDeclaration bool `json:"includeDeclaration"`
	} `json:"context"`
}

type watchedParams struct {
	Changes []struct {
		URI string `json:"uri"`
	} `json:"changes"`
}

type cancelParams struct {
	ID json.RawMessage `json:"id"`
}

type completionList struct {
	IsIncomplete bool             `json:"isIncomplete"`
	Items        []completionItem `json:"items"`
}

type completionItem struct {
	Label            string   `json:"label"`
	Kind             int      `json:"kind"`
	Detail           string   `json:"detail,omitempty"`
	Documentation    *markup  `json:"documentation,omitempty"`
	FilterText       string   `json:"filterText,omitempty"`
	InsertTextFormat int      `json:"insertTextFormat"`
	TextEdit         textEdit `json:"textEdit"`
}

// How a completion's text is written.
const (
	plainText   = 1
	snippetText = 2
)

type textEdit struct {
	Range   editor.Range `json:"range"`
	NewText string       `json:"newText"`
}

type markup struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

func markdown(text string) *markup {
	if text == "" {
		return nil
	}
	return &markup{"markdown", text}
}

type hover struct {
	Contents *markup      `json:"contents"`
	Range    editor.Range `json:"range"`
}

type location struct {
	URI   string       `json:"uri"`
	Range editor.Range `json:"range"`
}

type documentSymbol struct {
	Name           string       `json:"name"`
	Kind           int          `json:"kind"`
	Range          editor.Range `json:"range"`
	SelectionRange editor.Range `json:"selectionRange"`
}

type signatureHelp struct {
	Signatures      []signature `json:"signatures"`
	ActiveSignature int         `json:"activeSignature"`
	ActiveParameter int         `json:"activeParameter"`
}

type signature struct {
	Label         string      `json:"label"`
	Documentation *markup     `json:"documentation,omitempty"`
	Parameters    []parameter `json:"parameters"`
}

type parameter struct {
	Label string `json:"label"`
}

type publishParams struct {
	URI         string       `json:"uri"`
	Version     *int         `json:"version,omitempty"`
	Diagnostics []diagnostic `json:"diagnostics"`
}

type diagnostic struct {
	Range    editor.Range `json:"range"`
	Severity int          `json:"severity"`
	Source   string       `json:"source"`
	Message  string       `json:"message"`
}

// The severities of the protocol.
const (
	severityError   = 1
	severityWarning = 2
)

// completionKind is the protocol's number of a kind.
func completionKind(k editor.CandidateKind) int {
	const property, class, variable, function, value = 10, 7, 6, 3, 12
	switch k {
	case editor.CandidateAttribute:
		return property
	case editor.CandidateBlock:
		return class
	case editor.CandidateName:
		return variable
	case editor.CandidateFunction:
		return function
	default:
		return value
	}
}
