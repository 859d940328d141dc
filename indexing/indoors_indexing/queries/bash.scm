; What a shell script defines and sources.
; The captures and settings are explained in symbols.py.

(function_definition name: (word) @name body: (_) @body) @function
(program (variable_assignment name: (variable_name) @name) @variable)
(declaration_command (variable_assignment name: (variable_name) @name)) @variable

((command name: (command_name) @called . argument: (_) @module) @import
  (#set! is.called "source ."))
