package task

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// A program's manual page and its shell completion are made from the same
// definition as its --help, when it is packed: "kioskd --manual man" and
// "kioskd --manual bash" print them. No other copy of the texts exists.
const manualFlag = "--manual"

// manual writes the page or the completion; ok is false if args do not ask for one.
func manual(w io.Writer, k *kong.Application, args []string) (ok bool, err error) {
	if len(args) != 2 || args[0] != manualFlag {
		return false, nil
	}
	out := bufio.NewWriter(w)
	switch args[1] {
	case "man":
		manPage(out, k)
	case "bash":
		completion(out, k)
	default:
		return true, fmt.Errorf("%s %q is neither man nor bash", manualFlag, args[1])
	}
	return true, out.Flush()
}

// roff escapes text for a manual page: no text can become a request.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

func manPage(w io.Writer, k *kong.Application) {
	fmt.Fprintf(w, ".TH %s 8 \"\" Baylight\n.SH NAME\n%s \\- %s\n", strings.ToUpper(k.Name), roff(k.Name), roff(strings.TrimSuffix(k.Help, ".")))
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B %s\n.I command\n.RI [ flags ]\n", roff(k.Name))
	fmt.Fprint(w, ".SH COMMANDS\n")
	leaves(k.Node, func(n *kong.Node) {
		fmt.Fprintf(w, ".SS %s\n%s\n", roff(strings.TrimSpace(n.FullPath()+arguments(n))), roff(n.Help))
		for _, p := range n.Positional {
			fmt.Fprintf(w, ".TP\n.I %s\n%s\n", roff(p.Name), roff(p.Help))
		}
		flags(n, func(f *kong.Flag) { manFlag(w, f) })
	})
	fmt.Fprint(w, ".SH OPTIONS\n")
	for _, f := range k.Flags {
		manFlag(w, f)
	}
	fmt.Fprint(w, ".SH EXIT STATUS\n0 if all went well, 1 if it failed, 2 if the command line is wrong.\n.SH FILES\n"+
		".TP\n.I /etc/baylight\nconfiguration and the store's key\n.TP\n.I /var/lib/baylight\nthe journal of a board, the ledger of the back office\n")
}

func manFlag(w io.Writer, f *kong.Flag) {
	if f.Hidden {
		return
	}
	name := `\fB\-\-` + roff(f.Name) + `\fR`
	if !f.IsBool() {
		name += `=\fI` + roff(f.FormatPlaceHolder()) + `\fR`
	}
	fmt.Fprintf(w, ".TP\n%s\n%s\n", name, roff(f.Help))
}

func arguments(n *kong.Node) (s string) {
	for _, p := range n.Positional {
		s += " " + p.Summary()
	}
	return s
}

// leaves visits every command that does something and is not hidden.
func leaves(n *kong.Node, f func(*kong.Node)) {
	for _, c := range n.Children {
		switch {
		case c.Hidden:
		case len(c.Children) > 0:
			leaves(c, f)
		default:
			f(c)
		}
	}
}

// flags visits those of a command and of the groups it stands in, not those of
// the program.
func flags(n *kong.Node, f func(*kong.Flag)) {
	for ; n.Parent != nil; n = n.Parent {
		for _, flag := range n.Flags {
			f(flag)
		}
	}
}

// completion offers the next command by the words so far, and a command's flags.
func completion(w io.Writer, k *kong.Application) {
	next := map[string][]string{}
	var order []string
	add := func(path, word string) {
		if next[path] == nil {
			order = append(order, path)
		}
		next[path] = append(next[path], word)
	}
	var walk func(n *kong.Node, path string)
	walk = func(n *kong.Node, path string) {
		for _, c := range n.Children {
			if c.Hidden {
				continue
			}
			add(path, c.Name)
			walk(c, strings.TrimSpace(path+" "+c.Name))
		}
		flags(n, func(f *kong.Flag) {
			if !f.Hidden {
				add(path, "--"+f.Name)
			}
		})
	}
	walk(k.Node, "")
	fmt.Fprintf(w, "# completion of %[1]s\n_%[1]s() {\n  local word=${COMP_WORDS[COMP_CWORD]} path= w\n"+
		"  for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do [[ $w == -* ]] || path=\"${path:+$path }$w\"; done\n  local next=\n  case $path in\n", k.Name)
	for _, path := range order {
		fmt.Fprintf(w, "  '%s') next='%s' ;;\n", path, strings.Join(next[path], " "))
	}
	fmt.Fprintf(w, "  esac\n  mapfile -t COMPREPLY < <(compgen -W \"$next\" -- \"$word\")\n}\ncomplete -o default -F _%[1]s %[1]s\n", k.Name)
}
