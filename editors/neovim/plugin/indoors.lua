-- Highlights, mappings to map to, and `:Indoors`. Nothing here loads more than a few lines or starts anything.

if vim.g.loaded_indoors then return end
vim.g.loaded_indoors = true

-- Ghost text is told from code by its shape too, and can be read on the cursor's line: what Neovim links its own hints
-- to (NonText) is made to be overlooked, and has a contrast of less than 2:1 there.
local function colour()
  local comment = vim.api.nvim_get_hl(0, { name = 'Comment', link = false })
  vim.api.nvim_set_hl(0, 'IndoorsGhost', {
    fg = comment.fg,
    ctermfg = comment.ctermfg,
    italic = true,
    cterm = { italic = true },
    default = true,
  })
  local is_there = vim.fn.hlexists('ComplHintMore') == 1
  vim.api.nvim_set_hl(0, 'IndoorsHint', { link = is_there and 'ComplHintMore' or 'MoreMsg', default = true })
end
colour()
vim.api.nvim_create_autocmd('ColorScheme', {
  group = vim.api.nvim_create_augroup('indoors_colours', {}),
  callback = colour,
})

for name, what in pairs({
  accept = 'Accept the suggestion',
  accept_word = 'Accept a word of the suggestion',
  accept_line = 'Accept a line of the suggestion',
  next = 'Show the next suggestion',
  previous = 'Show the previous suggestion',
  dismiss = 'Hide the suggestion',
  ask = 'Ask for suggestions',
}) do
  local plug = ('<Plug>(indoors-%s)'):format(name:gsub('_', '-'))
  vim.keymap.set('i', plug, function() require('indoors')[name]() end, { desc = 'Indoors: ' .. what })
end

vim.api.nvim_create_user_command('Indoors', function(call) require('indoors.command').run(call) end, {
  nargs = '*',
  range = true,
  desc = 'Indoors: status, pauses, models, edits',
  complete = function(_, line, at) return require('indoors.command').complete(line:sub(1, at)) end,
})
