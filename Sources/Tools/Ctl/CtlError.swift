// SPDX-License-Identifier: Apache-2.0
internal import EtcdClient

/// etcdctl's exit codes.
enum ExitCode: Int32 {
    case error = 1
    case badConnection = 2
    /// Of a transaction or a watch.
    case invalidInput = 3
    /// A valid flag with a value that nobody has, or a thing that is not done here.
    case badFeature = 4
    case interrupted = 5
    case inputOutput = 6
    case badArguments = 128
}

/// Why the program ends early.
enum CtlError: Error, Equatable {
    case failed(ExitCode, String)
    /// A call did; what to do about it follows the text under our own name.
    case call(ExitCode, String, ClientError)
    /// Everything was said already.
    case told(ExitCode)
    /// The code of a command that was started by ours.
    case exited(Int32)
    /// The flags are wrong: the help of the command follows.
    case misused(String, help: String)

    static func badArguments(_ text: String) -> CtlError { .failed(.badArguments, text) }
}

/// Runs calls; their failure becomes the end of the program with this code.
func calling<Result>(
    _ code: ExitCode = .error, _ wrap: (String) -> String = { $0 },
    _ body: () throws(ClientError) -> Result
) throws(CtlError) -> Result {
    do throws(ClientError) {
        return try body()
    } catch {
        throw .call(code, wrap(error.plainText), error)
    }
}
