// SPDX-License-Identifier: Apache-2.0

enum CompletionCommand {
    static let row = Command(
        "completion", usage: "completion [bash|zsh|fish|powershell]", "Generate completion script",
        description: [
            "bash:       source <(etcdctl completion bash)",
            "zsh:        etcdctl completion zsh > \"${fpath[1]}/_etcdctl\"",
            "fish:       etcdctl completion fish > ~/.config/fish/completions/etcdctl.fish",
            "powershell: etcdctl completion powershell | Out-String | Invoke-Expression",
        ], examples: ["completion bash", "completion zsh"], isNewer: true, run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .failed(.error, "accepts 1 arg(s), received \(call.arguments.count)")
        }
        let script = CompletionScript(CommandTable(call.personality))
        switch call.arguments[0] {
        case "bash": call.console.write(script.bash)
        case "zsh": call.console.write(script.zsh)
        case "fish": call.console.write(script.fish)
        case "powershell": call.console.write(script.powershell)
        default:
            let name = "\(call.personality.name) completion"
            throw .failed(
                .error, "invalid argument \(GoQuote.text(call.arguments[0])) for \"\(name)\"")
        }
    }
}
